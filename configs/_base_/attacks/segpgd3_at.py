# Adversarial training: half of every batch is attacked by SegPGD, 3 steps.
custom_hooks = [dict(type='mmseg_rppgd.SegPGDHook', steps=3)]
