_base_ = './pspnet_r18-d8.py'
model = dict(
    data_preprocessor=dict(size=(120, 160)),
    decode_head=dict(num_classes=11),
    auxiliary_head=dict(num_classes=11))
