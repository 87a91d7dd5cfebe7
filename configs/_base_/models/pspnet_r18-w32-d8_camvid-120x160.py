# Half as wide as ResNet-18, at less than half of its cost.
_base_ = './pspnet_r18-d8.py'
model = dict(
    data_preprocessor=dict(size=(120, 160)),
    backbone=dict(base_channels=32),
    decode_head=dict(num_classes=11, in_channels=256, channels=64),
    auxiliary_head=dict(num_classes=11, in_channels=128, channels=32))
