# For adversarial training that starts from a trained model (load_from).
_base_ = './adamw_800.py'
max_iters = 150
warmup = 20
optim_wrapper = dict(optimizer=dict(lr=3e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, end=warmup),
    dict(
        type='PolyLR',
        power=0.9,
        by_epoch=False,
        begin=warmup,
        end=max_iters),
]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(checkpoint=dict(interval=max_iters))
