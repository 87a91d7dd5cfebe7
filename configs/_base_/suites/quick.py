# A first look: the attacks of the paper's Figure 2, ten steps each.
robustness = dict(
    eps=[0.03],
    attacks=[
        dict(attack=dict(type='PGD'), steps=[10]),
        dict(attack=dict(type='SegPGD'), steps=[10]),
        dict(attack=dict(type='CosPGD'), steps=[10]),
        dict(attack=dict(type='RPPGD'), steps=[10]),
    ])
