# Adversarial training: half of every batch is attacked by RP-PGD, 7 steps.
custom_hooks = [dict(type='mmseg_rppgd.RPPGDHook', steps=7)]
