# Adversarial training: half of every batch is attacked by SegPGD, 7 steps.
custom_hooks = [dict(type='mmseg_rppgd.SegPGDHook', steps=7)]
