"""Metrics after every step of one run of 100."""
# PGD and CosPGD do not look ahead, so step k is what a run of k steps gives;
# the weights of SegPGD and RP-PGD depend on the number of steps, so theirs are
# curves of the run of 100.
robustness = dict(
    eps=[0.03],
    steps=[100],
    trace=True,
    attacks=[
        dict(attack=dict(type='PGD', alpha=0.01)),
        dict(attack=dict(type='SegPGD', alpha=0.01)),
        dict(attack=dict(type='CosPGD', alpha=0.01)),
        dict(attack=dict(type='RPPGD', alpha=0.01)),
    ])
