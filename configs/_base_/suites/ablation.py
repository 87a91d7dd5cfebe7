"""The rows of Table 1 of the RP-PGD paper: regions, prototype term."""
# beta=1 is the region term alone, beta=0 the other.
robustness = dict(
    eps=[0.03],
    steps=[100],
    attacks=[
        dict(attack=dict(type='RPPGD', beta=1, regions='T'), name='T'),
        dict(attack=dict(type='RPPGD', beta=1, regions='TB'), name='TB'),
        dict(attack=dict(type='RPPGD', beta=1, regions='TF'), name='TF'),
        dict(attack=dict(type='RPPGD', beta=1), name='TBF'),
        dict(attack=dict(type='RPPGD', beta=0), name='Proto'),
        dict(attack=dict(type='RPPGD'), name='TBF+Proto'),
    ])
