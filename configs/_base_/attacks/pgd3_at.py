# Adversarial training: half of every batch is attacked by PGD, 3 steps.
custom_hooks = [dict(type='mmseg_rppgd.PGDHook', steps=3)]
