# Adversarial training from the standard model of the same seed:
# --cfg-options load_from=CHECKPOINT
_base_ = [
    '../models/pspnet_r18-d8_synthetic-shapes-64x64.py',
    '../datasets/synthetic_shapes.py',
    '../schedules/adamw_150_warm.py',
    'mmseg::_base_/default_runtime.py',
]
