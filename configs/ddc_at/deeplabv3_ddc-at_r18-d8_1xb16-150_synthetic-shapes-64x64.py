_base_ = ['../_base_/settings/deeplabv3_r18-d8_1xb16-150-warm_synthetic-shapes-64x64.py']
model = dict(
    _delete_=True,
    type='mmseg_rppgd.DDCATSegmentor',
    segmentor=_base_.model)
