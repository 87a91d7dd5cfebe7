"""Names resolve in the scope of this package as they do in mmseg's."""
import mmengine.registry
import mmseg.registry
import pytest
from mmengine.registry import DefaultScope, Registry

from mmseg_rppgd.attacks import PGD
from mmseg_rppgd.hooks import AttackHook
from mmseg_rppgd.registry import (ATTACKS, DATASETS, HOOKS, LOOPS, MODELS,
                                  attack_class)

KINDS = sorted(
    name for name, registry in vars(mmengine.registry).items()
    if isinstance(registry, Registry))
STOCK = [kind for kind in KINDS if hasattr(mmseg.registry, kind)]


def in_own_scope(kind):
    """What mmengine looks a name up in, inside one of our configs."""
    root = getattr(mmengine.registry, kind)
    with root.switch_scope_and_registry('mmseg_rppgd') as registry:
        return registry


@pytest.mark.parametrize('kind', KINDS)
def test_there_is_one_of_every_kind(kind):
    registry = in_own_scope(kind)
    assert registry.scope == 'mmseg_rppgd'
    assert registry.parent is getattr(mmengine.registry, kind)


@pytest.mark.parametrize('kind', STOCK)
def test_it_knows_what_mmseg_knows(kind):
    stock = getattr(mmseg.registry, kind)
    stock.import_from_location()
    names = {*stock.module_dict, *stock.parent.module_dict}
    own = in_own_scope(kind)
    with DefaultScope.overwrite_default_scope('mmseg_rppgd'):
        assert {name: own.get(name) for name in names} == {
            name: stock.get(name) for name in names}


def test_what_it_has_itself_comes_first():
    assert MODELS.get('AdversarialSegmentor').__module__.startswith(
        'mmseg_rppgd.')
    assert DATASETS.get('CamVid').__module__ == 'mmseg_rppgd.datasets.camvid'


@pytest.mark.parametrize('key', [
    'mmseg.SegVisualizationHook', 'mmseg_rppgd.SegVisualizationHook',
    'mmengine.CheckpointHook', 'mmseg_rppgd.AttackHook',
    'mmseg_rppgd.hooks.AttackHook'])
def test_scopes_and_paths(key):
    expected = key.rpartition('.')[2]
    assert HOOKS.get(key).__name__ == expected
    assert mmengine.registry.HOOKS.get(key).__name__ == expected
    assert key in HOOKS


@pytest.mark.parametrize('registry, key, message', [
    (HOOKS, 'RPGDHook', r'unknown hook mmseg_rppgd.RPGDHook \(did you mean '
     r'RPPGDHook\?\); known hooks: .*PGDHook.*those of mmseg and mmengine'),
    (MODELS, 'AdversarialSegmentr', 'did you mean AdversarialSegmentor'),
    (HOOKS, 'SegVisualisationHook', 'did you mean SegVisualizationHook'),
    (MODELS, 'EncoderDecodr', 'unknown model .*did you mean EncoderDecoder'),
    (LOOPS, 'mmseg_rppgd.TestLop', 'unknown loop .*did you mean TestLoop'),
])
def test_a_typo_gets_a_hint_and_the_known_names(registry, key, message):
    with pytest.raises(KeyError, match=message):
        registry.get(key)
    assert key not in registry


def test_a_typo_in_a_config_too():
    with pytest.raises(KeyError, match='unknown hook mmseg_rppgd.RPGDHook '
                       r'\(did you mean RPPGDHook.*known hooks: .*PGDHook'):
        mmengine.registry.HOOKS.build(
            dict(type='mmseg_rppgd.RPGDHook', steps=3))


def test_another_scope_is_left_to_mmengine():
    assert HOOKS.get('mmdet.NoSuchHook') is None


class TestAttacks:

    @pytest.mark.parametrize('kind', ['PGD', 'mmseg_rppgd.PGD', PGD])
    def test_a_name_or_a_class(self, kind):
        assert attack_class(kind) is PGD
        assert ATTACKS.build(dict(type=kind, steps=3)).steps == 3

    def test_a_class_need_not_be_registered(self):
        kind = type('Unlisted', (PGD, ), {})
        hook = HOOKS.build(
            dict(type='mmseg_rppgd.AttackHook',
                 attack=dict(type=kind, steps=2)))
        assert isinstance(hook, AttackHook)
        assert type(hook.attack) is kind and hook.attack.steps == 2

    @pytest.mark.parametrize('kind', [3, None])
    def test_anything_else_is_refused(self, kind):
        with pytest.raises(TypeError, match='type of an attack must be'):
            attack_class(kind)

    def test_a_typo(self):
        with pytest.raises(KeyError, match="unknown attack 'CosPDG'.*did you "
                           'mean CosPGD.*known attacks: .*RPPGD'):
            attack_class('CosPDG')

    def test_a_config_that_comes_from_a_base(self):
        """mmengine notes the scope of a base in what it inherits."""
        attack = ATTACKS.build(dict(type='PGD', _scope_='mmseg_rppgd'))
        assert attack.name == 'PGD'
