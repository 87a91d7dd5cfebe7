"""How many passes attacks and trainings are said to take."""
import pytest
from mmengine.config import Config

from mmseg_rppgd.registry import ATTACKS
from mmseg_rppgd.reproduce.passes import attack_passes, training_passes


@pytest.mark.parametrize('attack, passes', [
    (dict(type='PGD', steps=10), 20),  # forward and backward
    (dict(type='BIM', norm='l2', steps=3), 6),
    (dict(type='SegPGD', steps=7), 14),
    (dict(type='CosPGD', steps=7), 14),
    (dict(type='RPPGD', steps=3), 7),  # and the clean image
    (dict(type='RPPGD', steps=3, beta=0), 7),
    (dict(type='RPPGD', steps=3, init_state='start'), 6),
    # The prediction of the last iterate decides whether it is the best.
    (dict(type='CW', steps=5), 11),
    # Each step a forward pass and ten classes; the last iterate once.
    (dict(type='DeepFool', steps=4), 45),
    (dict(type='DeepFool', steps=4, top_classes=2), 13),
])
def test_passes_of_an_attack(attack, passes):
    assert attack_passes(ATTACKS.build(attack)) == passes


def config(batch_size=4, hooks=(), model='EncoderDecoder', **kwargs):
    return Config(dict(
        train_dataloader=dict(batch_size=batch_size),
        custom_hooks=list(hooks), model=dict(type=model, **kwargs)))


def hook(attack='RPPGD', **kwargs):
    return dict(type=f'mmseg_rppgd.{attack}Hook', **kwargs)


@pytest.mark.parametrize('cfg, passes', [
    (config(), 3),
    (config(hooks=[dict(type='EMAHook')]), 3),
    (config(hooks=[hook(steps=3)]), 3 + 7 / 2),
    (config(hooks=[hook(steps=7)]), 3 + 15 / 2),
    (config(hooks=[hook('PGD', steps=3, adv_ratio=1.0)]), 3 + 6),
    # Of three images two are attacked, of one image that one.
    (config(batch_size=3, hooks=[hook('PGD', steps=3)]), 3 + 6 * 2 / 3),
    (config(batch_size=1, hooks=[hook('PGD', steps=3)]), 3 + 6),
    (config(hooks=[hook('PGD', steps=100, stages='test')]), 3),
    (config(hooks=[dict(type='mmseg_rppgd.RobustValHook',
                        attack=dict(type='PGD'))]), 3),
    (config(model='mmseg_rppgd.AdversarialSegmentor',
            attack=dict(type='PGD', steps=2), adv_ratio=0.25), 3 + 4 / 4),
    # Three steps of BIM on all, two predictions of the half that is clean.
    (config(model='mmseg_rppgd.DDCATSegmentor'), 3 + 6 + 2 / 2),
    (config(model='mmseg_rppgd.DDCATSegmentor', adv_ratio=1.,
            attack=dict(type='RPPGD', steps=3)), 3 + 7),
])
def test_passes_of_a_training(cfg, passes):
    assert training_passes(cfg) == pytest.approx(passes)
