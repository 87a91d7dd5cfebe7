"""The members of reliable with 100 steps, for a small machine."""
# Read the worst case.
_base_ = './reliable.py'
robustness = dict(max_steps=100)
