# VOC as DDC-AT trains on it: crops of 473x473, half to twice the size, turned
# by up to 10 degrees, blurred, flipped; 4 images on each of 4 GPUs. The longer
# side of nearly every image of VOC is 500, which the scale is relative to. The
# data preprocessor pads small crops, with the mean. Tests are the stock ones.
_base_ = 'mmseg::_base_/datasets/pascal_voc12_aug.py'
crop_size = (473, 473)
mean = (104, 116, 124)  # BGR
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(
        type='RandomResize', scale=(500, 500), ratio_range=(0.5, 2.0),
        keep_ratio=True),
    dict(
        type='RandomRotate', prob=0.5, degree=10, pad_val=mean,
        seg_pad_val=255),
    dict(type='mmseg_rppgd.RandomGaussianBlur', prob=0.5, kernel_size=5),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=4,
    dataset=dict(datasets=[
        dict(_base_.dataset_train, pipeline=train_pipeline),
        dict(_base_.dataset_aug, pipeline=train_pipeline),
    ]))
