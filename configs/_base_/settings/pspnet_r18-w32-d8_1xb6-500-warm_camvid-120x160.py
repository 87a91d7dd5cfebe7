# Adversarial training from the standard model of the same seed:
# --cfg-options load_from=CHECKPOINT
_base_ = [
    '../models/pspnet_r18-w32-d8_camvid-120x160.py',
    '../datasets/camvid_120x160.py',
    '../schedules/adamw_500_warm.py',
    'mmseg::_base_/default_runtime.py',
]
