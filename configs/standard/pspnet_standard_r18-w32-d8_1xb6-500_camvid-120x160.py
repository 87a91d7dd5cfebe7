_base_ = [
    '../_base_/models/pspnet_r18-w32-d8_camvid-120x160.py',
    '../_base_/datasets/camvid_120x160.py',
    '../_base_/schedules/adamw_500.py',
    'mmseg::_base_/default_runtime.py',
]
