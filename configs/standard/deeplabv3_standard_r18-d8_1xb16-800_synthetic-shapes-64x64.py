_base_ = [
    '../_base_/models/deeplabv3_r18-d8_synthetic-shapes-64x64.py',
    '../_base_/datasets/synthetic_shapes.py',
    '../_base_/schedules/adamw_800.py',
    'mmseg::_base_/default_runtime.py',
]
