# Start from the standard model: --cfg-options load_from=CHECKPOINT
_base_ = [
    '../_base_/models/deeplabv3_r18-d8_synthetic-shapes-64x64.py',
    '../_base_/datasets/synthetic_shapes.py',
    '../_base_/schedules/adamw_300_warm.py',
    '../_base_/attacks/rppgd3_at_full.py',
    'mmseg::_base_/default_runtime.py',
]
