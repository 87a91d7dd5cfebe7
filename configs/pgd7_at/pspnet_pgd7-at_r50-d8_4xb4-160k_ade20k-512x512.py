_base_ = [
    'mmseg::pspnet/pspnet_r50-d8_4xb4-160k_ade20k-512x512.py',
    '../_base_/attacks/pgd7_at.py',
]
