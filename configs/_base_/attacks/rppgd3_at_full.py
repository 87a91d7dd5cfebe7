# Adversarial training: every image is attacked by RP-PGD, 3 steps.
custom_hooks = [
    dict(type='mmseg_rppgd.RPPGDHook', steps=3, adv_ratio=1.0)
]
