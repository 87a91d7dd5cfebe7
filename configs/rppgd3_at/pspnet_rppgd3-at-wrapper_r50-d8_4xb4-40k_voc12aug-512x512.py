# The same training through the wrapper instead of the hook, for strategies
# that change the loss. Only the lines below differ from the stock config.
_base_ = ['mmseg::pspnet/pspnet_r50-d8_4xb4-40k_voc12aug-512x512.py']
model = dict(
    _delete_=True,
    type='mmseg_rppgd.AdversarialSegmentor',
    segmentor=_base_.model,
    attack=dict(type='RPPGD', steps=3),
    adv_ratio=0.5)
