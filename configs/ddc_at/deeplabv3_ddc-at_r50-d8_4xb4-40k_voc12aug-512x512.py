_base_ = ['mmseg::deeplabv3/deeplabv3_r50-d8_4xb4-40k_voc12aug-512x512.py']
model = dict(
    _delete_=True,
    type='mmseg_rppgd.DDCATSegmentor',
    segmentor=_base_.model)
