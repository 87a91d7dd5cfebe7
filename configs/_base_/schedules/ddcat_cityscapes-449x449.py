# DDC-AT on Cityscapes, 400 epochs. The 2,975 images make 185 whole batches of
# 16 an epoch, so 74,000 iterations.
_base_ = './ddcat_voc12aug-473x473.py'
max_iters = 74000
val_interval = 7400
param_scheduler = [
    dict(
        type='PolyLR', eta_min=0., power=0.9, begin=0, end=max_iters,
        by_epoch=False),
]
train_cfg = dict(max_iters=max_iters, val_interval=val_interval)
default_hooks = dict(checkpoint=dict(interval=val_interval))
