"""A first look: the attacks of the paper's Figure 2, ten steps each."""
robustness = dict(
    eps=[0.03],
    steps=[10],
    attacks=[
        dict(attack=dict(type='PGD')),
        dict(attack=dict(type='SegPGD')),
        dict(attack=dict(type='CosPGD')),
        dict(attack=dict(type='RPPGD')),
    ])
