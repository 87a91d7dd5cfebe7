# The stock model in the training setting of DDC-AT; any fragment of
# ../attacks/ joins it.
_base_ = [
    'mmseg::_base_/models/deeplabv3_r50-d8.py',
    '../datasets/ddcat_voc12aug-473x473.py',
    '../schedules/ddcat_voc12aug-473x473.py',
    'mmseg::_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    decode_head=dict(num_classes=21),
    auxiliary_head=dict(num_classes=21))
