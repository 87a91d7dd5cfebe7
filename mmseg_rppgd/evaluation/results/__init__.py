"""What the numbers say: metrics of rows, worst case, checks."""
