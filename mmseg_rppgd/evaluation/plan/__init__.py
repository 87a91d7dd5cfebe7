"""What is tested: rows of attacks, and the suites that name them."""
