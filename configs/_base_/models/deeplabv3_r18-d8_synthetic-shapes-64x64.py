# A quarter of the channels: quick on a CPU.
_base_ = './deeplabv3_r18-d8.py'
model = dict(
    data_preprocessor=dict(size=(64, 64)),
    backbone=dict(stem_channels=16, base_channels=16),
    # The stock dilations (1, 12, 24, 36) reach beyond an 8x8 feature map.
    decode_head=dict(
        in_channels=128, channels=32, num_classes=6, dilations=(1, 2, 3, 4)),
    auxiliary_head=dict(in_channels=64, channels=16, num_classes=6))
