"""All members of reliable, and a search without gradients: slow."""
_base_ = './reliable.py'
_members = _base_.robustness.attacks
robustness = dict(
    attacks=[*_members, dict(attack=dict(type='Square', steps=1000))])
