"""The setting of SemSegBench: linf, 8/255, step 0.01, 20 steps."""
# What it published for stock checkpoints is in docs/results.md: the cheapest
# external check. Compare the clean numbers first: they tell whether it is the
# same checkpoint.
robustness = dict(
    eps=['8/255'],
    attacks=[
        dict(attack=dict(type='PGD', alpha=0.01), steps=[20]),
        dict(attack=dict(type='SegPGD', alpha=0.01), steps=[20]),
        dict(attack=dict(type='CosPGD', alpha=0.01), steps=[20]),
    ])
