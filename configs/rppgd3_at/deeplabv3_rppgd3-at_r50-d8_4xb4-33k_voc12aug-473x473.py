_base_ = [
    '../_base_/settings/deeplabv3_r50-d8_4xb4-33k_voc12aug-473x473.py',
    '../_base_/attacks/rppgd3_at.py',
]
