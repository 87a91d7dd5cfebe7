"""Reports of several models side by side: words, tables, charts, a page."""
