# Adversarial training: half of every batch is attacked by CosPGD, 7 steps.
custom_hooks = [dict(type='mmseg_rppgd.CosPGDHook', steps=7)]
