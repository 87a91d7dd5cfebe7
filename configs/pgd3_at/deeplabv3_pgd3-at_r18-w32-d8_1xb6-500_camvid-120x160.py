# Start from the standard model: --cfg-options load_from=CHECKPOINT
_base_ = [
    '../_base_/models/deeplabv3_r18-w32-d8_camvid-120x160.py',
    '../_base_/datasets/camvid_120x160.py',
    '../_base_/schedules/adamw_500_warm.py',
    '../_base_/attacks/pgd3_at.py',
    'mmseg::_base_/default_runtime.py',
]
