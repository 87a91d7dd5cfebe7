_base_ = [
    '../_base_/settings/deeplabv3_r18-d8_1xb16-150-warm_synthetic-shapes-64x64.py',
    '../_base_/attacks/rppgd3_at.py',
]
