_base_ = [
    'mmseg::pspnet/pspnet_r50-d8_4xb4-40k_voc12aug-512x512.py',
    '../_base_/attacks/cospgd7_at.py',
]
