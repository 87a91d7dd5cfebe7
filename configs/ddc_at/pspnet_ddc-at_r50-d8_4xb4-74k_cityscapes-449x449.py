_base_ = ['../_base_/settings/pspnet_r50-d8_4xb4-74k_cityscapes-449x449.py']
model = dict(
    _delete_=True,
    type='mmseg_rppgd.DDCATSegmentor',
    segmentor=_base_.model)
