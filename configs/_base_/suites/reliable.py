"""The ensemble for claims of robustness: read the worst case."""
# Nothing to tune. 'train' counts the pixels of each class in the training
# labels.
robustness = dict(
    eps=[0.03],
    attacks=[
        dict(attack=dict(type='APGD', steps=300), name='APGD-CE'),
        dict(
            attack=dict(
                type='APGD',
                steps=300,
                pixel_weights=['correct', 'balanced'],
                class_counts='train'),
            name='APGD-CE-Bal'),
        dict(
            attack=dict(
                type='APGD', steps=300, pixel_loss='js', pixel_weights=None),
            name='APGD-JS'),
        dict(
            attack=dict(type='APGD', steps=300, pixel_loss='spherical'),
            name='APGD-SL'),
        dict(
            attack=dict(type='APGD', steps=300, pixel_weights='segpgd'),
            name='APGD-SegPGD'),
        dict(
            attack=dict(type='APGD', steps=300, objective='rppgd'),
            name='APGD-RPPGD'),
        dict(
            attack=dict(type='APGD', steps=300, pixel_weights='cosine'),
            name='APGD-Cos'),
        dict(
            attack=dict(
                type='APGD',
                steps=300,
                pixel_loss='tsallis',
                pixel_weights=None),
            name='APGD-Tsallis'),
        dict(
            attack=dict(type='PAdam', steps=200, pixel_loss='ce'),
            name='PAdam-CE'),
        dict(
            attack=dict(type='PAdam', steps=200, pixel_loss='cosine'),
            name='PAdam-Cos'),
        dict(attack=dict(type='CosPGD', steps=100)),
        dict(attack=dict(type='SegPGD', steps=100)),
        dict(attack=dict(type='RPPGD', steps=100)),
        dict(attack=dict(type='ALMAProx', steps=500)),
        dict(attack=dict(type='DAG', steps=200)),
    ])
