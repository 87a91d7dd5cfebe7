_base_ = ['mmseg::pspnet/pspnet_r50-d8_4xb4-160k_ade20k-512x512.py']
model = dict(
    _delete_=True,
    type='mmseg_rppgd.DDCATSegmentor',
    segmentor=_base_.model)
