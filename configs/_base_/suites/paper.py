"""The attacks of Tables 4 and 5 of the RP-PGD paper."""
# The eps of l2 attacks is a root mean square, the same as for linf; the paper
# does not state its own, nor the settings of CW and DeepFool: ours are in
# docs/attacks.md.
robustness = dict(
    eps=[0.03],
    attacks=[
        dict(attack=dict(type='CW')),
        dict(attack=dict(type='DeepFool')),
        dict(attack=dict(type='BIM', norm='l2'), name='l2-BIM', steps=[10]),
        dict(attack=dict(type='PGD', alpha=0.01), steps=[10, 20, 40, 100]),
    ])
