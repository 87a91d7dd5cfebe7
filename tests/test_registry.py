"""Names resolve in the scope of this package as they do in mmseg's."""
import mmengine.registry
import mmseg.registry
import pytest
from mmengine.registry import DefaultScope, Registry

from mmseg_rppgd.attacks import PGD
from mmseg_rppgd.hooks import AttackHook
from mmseg_rppgd.names import find_name
from mmseg_rppgd.registry import (ATTACKS, DATASETS, HOOKS, LOOPS, MODELS,
                                  attack_class, attack_name)

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


@pytest.mark.parametrize('registry, key, name', [
    (HOOKS, 'mmseg_rppgd.rppgdHook', 'RPPGDHook'),
    (HOOKS, 'mmseg_rppgd.RP-PGDHook', 'RPPGDHook'),
    (HOOKS, 'mmseg_rppgd.attack_hook', 'AttackHook'),
    (HOOKS, 'mmseg_rppgd.robustvalhook', 'RobustValHook'),
    (MODELS, 'mmseg_rppgd.adversarialsegmentor', 'AdversarialSegmentor'),
    (DATASETS, 'mmseg_rppgd.camvid', 'CamVid'),
])
def test_case_and_hyphens_of_our_names_do_not_matter(registry, key, name):
    assert registry.get(key).__name__ == name


def test_a_hook_of_another_case_is_the_hook():
    hook = mmengine.registry.HOOKS.build(
        dict(type='mmseg_rppgd.rppgdHook', steps=3))
    assert hook is not None and type(hook).__name__ == 'RPPGDHook'
    assert type(hook) is HOOKS.get('mmseg_rppgd.RPPGDHook')


def test_another_scope_is_left_to_mmengine():
    assert HOOKS.get('mmdet.NoSuchHook') is None


class TestAttacks:

    @pytest.mark.parametrize('kind', ['PGD', 'mmseg_rppgd.PGD', PGD])
    def test_a_name_or_a_class(self, kind):
        assert attack_class(kind) is PGD
        assert ATTACKS.build(dict(type=kind, steps=3)).steps == 3

    @pytest.mark.parametrize('kind, name', [
        ('rppgd', 'RPPGD'), ('RP-PGD', 'RPPGD'), ('rp_pgd', 'RPPGD'),
        ('mmseg_rppgd.Rp-Pgd', 'RPPGD'), ('mmseg-rppgd.pgd', 'PGD'),
        ('segpgd', 'SegPGD'), ('Seg-PGD', 'SegPGD'), ('fgsm', 'FGSM'),
        ('MI-FGSM', 'MIFGSM'), ('ALMA-prox', 'ALMAProx'),
        ('ensemble_attack', 'EnsembleAttack')])
    def test_case_and_hyphens_do_not_matter(self, kind, name):
        assert attack_name(kind) == attack_class(kind).__name__ == name

    @pytest.mark.parametrize('cls', ATTACKS.module_dict)
    def test_no_two_attacks_differ_in_case_alone(self, cls):
        assert find_name(cls.lower(), ATTACKS.module_dict) == cls

    @pytest.mark.parametrize('kind, hint', [
        ('rppdg', 'RPPGD'), ('mmseg.RPPGD', 'RPPGD'), ('RP-PDG', 'RPPGD')])
    def test_another_scope_or_a_typo_gets_the_right_name(self, kind, hint):
        with pytest.raises(KeyError, match=f'{kind}.*did you mean {hint}'):
            attack_name(kind)

    def test_what_an_attack_cannot_do_without_is_named(self):

        class NeedsLevel(PGD):

            def __init__(self, level, **kwargs):
                super().__init__(**kwargs)

        with pytest.raises(TypeError, match='NeedsLevel needs level; give'):
            ATTACKS.build(dict(type=NeedsLevel, steps=2))

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
