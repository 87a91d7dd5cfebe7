_base_ = [
    '../_base_/settings/pspnet_r50-d8_4xb4-74k_cityscapes-449x449.py',
    '../_base_/attacks/pgd3_at.py',
]
