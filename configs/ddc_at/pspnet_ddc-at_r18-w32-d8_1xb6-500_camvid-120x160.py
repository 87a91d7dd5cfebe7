_base_ = ['../_base_/settings/pspnet_r18-w32-d8_1xb6-500-warm_camvid-120x160.py']
model = dict(
    _delete_=True,
    type='mmseg_rppgd.DDCATSegmentor',
    segmentor=_base_.model)
