"""The smallest linf perturbation that makes 99 % of pixels wrong."""
robustness = dict(
    attacks=[],
    minimal=[
        dict(type='DeepFool'),
        dict(type='DAG'),
        dict(type='ALMAProx'),
    ])
