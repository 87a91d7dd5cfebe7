_base_ = [
    '../_base_/settings/pspnet_r18-d8_1xb6-500-warm_camvid-120x160.py',
    '../_base_/attacks/rppgd3_at_full.py',
]
