"""What a person reads: tables, curves, pictures, a page."""
