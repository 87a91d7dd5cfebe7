# Cityscapes as DDC-AT trains on it: crops of 449x449, a quarter to the full
# size, turned by up to 10 degrees, blurred, flipped; 4 images on each of 4
# GPUs. The data preprocessor pads small crops, with the mean. Tests are the
# stock ones.
_base_ = 'mmseg::_base_/datasets/cityscapes.py'
crop_size = (449, 449)
mean = (104, 116, 124)  # BGR
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(
        type='RandomResize', scale=(2048, 1024), ratio_range=(0.25, 1.0),
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
    batch_size=4, dataset=dict(pipeline=train_pipeline))
