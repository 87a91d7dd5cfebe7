_base_ = './deeplabv3_r18-d8.py'
model = dict(
    data_preprocessor=dict(size=(120, 160)),
    # The stock dilations (1, 12, 24, 36) reach beyond a 15x20 feature map.
    decode_head=dict(num_classes=11, dilations=(1, 3, 6, 9)),
    auxiliary_head=dict(num_classes=11))
