# Adversarial training: half of every batch is attacked by PGD, 7 steps.
custom_hooks = [dict(type='mmseg_rppgd.PGDHook', steps=7)]
