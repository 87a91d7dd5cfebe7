# Adversarial training: half of every batch is attacked by RP-PGD, 3 steps.
custom_hooks = [dict(type='mmseg_rppgd.RPPGDHook', steps=3)]
