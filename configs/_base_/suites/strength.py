"""Which attack is stronger at how many steps: Figure 2 of the paper."""
# PGD and CosPGD take one run of 100 steps, the others one per number.
robustness = dict(
    eps=[0.03],
    steps=[3, 5, 7, 10, 20, 40, 100],
    attacks=[
        dict(attack=dict(type='PGD', alpha=0.01)),
        dict(attack=dict(type='SegPGD', alpha=0.01)),
        dict(attack=dict(type='CosPGD', alpha=0.01)),
        dict(attack=dict(type='RPPGD', alpha=0.01)),
    ])
