# The stock model in the training setting of DDC-AT; any fragment of
# ../attacks/ joins it.
_base_ = [
    'mmseg::_base_/models/pspnet_r50-d8.py',
    '../datasets/ddcat_cityscapes-449x449.py',
    '../schedules/ddcat_cityscapes-449x449.py',
    'mmseg::_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    decode_head=dict(num_classes=19),
    auxiliary_head=dict(num_classes=19))
