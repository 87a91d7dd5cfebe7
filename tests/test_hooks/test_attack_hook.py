"""AttackHook in the loops of a real Runner."""
import pickle

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmengine.registry import (DATASETS, HOOKS, MODELS,
                               OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS)
from tiny_runner import TinyDataset, loader, make_runner, scalars, wrapped
from tiny_segmentors import segmentor_cfg, tiny_segmentor

import mmseg_rppgd.hooks
from mmseg_rppgd import attacks
from mmseg_rppgd.hooks import AttackHook
from mmseg_rppgd.registry import ATTACKS
from mmseg_rppgd.registry import HOOKS as OWN_HOOKS

PGD = dict(type='PGD', steps=2)


class Spy(Hook):
    """Keeps the inputs that the model is about to see."""

    priority = 'LOWEST'

    def __init__(self):
        self.inputs = dict(train=[], val=[], test=[])
        self.states = []

    def _before_iter(self, runner, batch_idx, data_batch=None, mode='train'):
        self.inputs[mode].append(list(data_batch['inputs']))
        module = runner.model
        self.states.append((module.training,
                            [p.requires_grad for p in module.parameters()],
                            [p.grad for p in module.parameters()],
                            torch.is_grad_enabled()))


def attacked(spy, stage):
    return [[x.is_floating_point() for x in inputs]
            for inputs in spy.inputs[stage]]


def run(tmp_path, hook, **kwargs):
    spy = Spy()
    hooks = [hook] if isinstance(hook, dict) else hook
    runner = make_runner(tmp_path, hooks=[*hooks], **kwargs)
    runner.register_hook(spy)
    runner.train()
    runner.test()
    return runner, spy


@pytest.mark.parametrize('stages, train, val, test', [
    ('train', [False, True], [False], [False]),
    ('val', [False, False], [True], [False]),
    (('train', 'test'), [False, True], [False], [True])])
def test_only_the_named_stages_are_attacked(tmp_path, stages, train, val,
                                            test):
    hook = dict(type='mmseg_rppgd.AttackHook', attack=PGD, stages=stages)
    runner, spy = run(tmp_path, hook, val_interval=2,
                      val=dict(length=2, label_size=(40, 48)))
    assert attacked(spy, 'train') == [train] * 2
    assert attacked(spy, 'val') == [val] * 2
    assert attacked(spy, 'test') == [test] * 2


def test_the_model_is_left_as_it_was(tmp_path):
    hook = dict(type='mmseg_rppgd.AttackHook', attack=PGD,
                stages=['train', 'test'])
    runner, spy = run(tmp_path, hook)
    training, requires_grad, grads, grad_enabled = spy.states[0]
    assert training and all(requires_grad) and grad_enabled
    assert all(grad is None for grad in grads)
    assert spy.states[-1][0] is False and spy.states[-1][3] is False


def test_test_hook_lowers_the_stock_metric(tmp_path):
    model = tiny_segmentor()
    data = make_runner(tmp_path).test_dataloader.dataset
    labels = [
        model.test_step(dict(inputs=[x['inputs']],
                             data_samples=[x['data_samples']]))[0]
        .pred_sem_seg.data.long() for x in (data[i] for i in range(4))
    ]

    def accuracy(hooks):
        runner = make_runner(tmp_path, hooks=hooks)
        runner.model.load_state_dict(model.state_dict())
        dataset = runner.test_dataloader.dataset
        original = type(dataset).__getitem__

        class Labelled(type(dataset)):

            def __getitem__(self, index):
                sample = original(self, index)
                sample['data_samples'].gt_sem_seg.data = labels[index]
                return sample

        dataset.__class__ = Labelled
        return runner.test()['aAcc']

    assert accuracy([]) == 100
    assert accuracy([dict(type='mmseg_rppgd.PGDHook', steps=5, alpha=0.03,
                          eps=0.1, stages='test')]) < 80


def test_logs(tmp_path):
    runner, _ = run(tmp_path, dict(
        type='mmseg_rppgd.AttackHook', attack=PGD, stages=['train', 'test']),
        max_iters=3)
    assert len(scalars(runner, 'train/attack_mis_ratio')) == 3
    assert len(scalars(runner, 'test/attack_mis_ratio')) == 4
    shares = scalars(runner, 'train/attack_time_share')
    assert len(shares) == 2 and all(0 < share <= 1 for share in shares)


@pytest.mark.parametrize('adv_ratio, parts', [
    (0, {'acc_clean'}), (0.5, {'acc_clean', 'acc_adv'}), (1, {'acc_adv'})])
def test_accuracy_of_either_part(tmp_path, adv_ratio, parts):
    hook = dict(type='mmseg_rppgd.AttackHook', attack=PGD,
                adv_ratio=adv_ratio)
    runner, _ = run(tmp_path, hook)
    logged = {name for name in runner.message_hub.log_scalars
              if name.startswith('train/acc_')}
    assert logged == {f'train/{part}' for part in parts}
    both = [scalars(runner, name) for name in sorted(logged)]
    # mmseg's own, of the whole batch, whose images have as many labels each,
    # to a pixel
    assert [sum(values) / len(values) for values in zip(*both)] == (
        pytest.approx(scalars(runner, 'train/decode.acc_seg'), abs=0.06))


def test_a_step_past_the_preprocessor_has_no_accuracy(tmp_path):
    runner = make_runner(tmp_path, hooks=[
        dict(type='mmseg_rppgd.AttackHook', attack=PGD)])
    preprocessor = runner.model.data_preprocessor

    def train_step(data, optim_wrapper):
        data = preprocessor.forward(data, True)
        losses = runner.model(**data, mode='loss')
        loss, logs = runner.model.parse_losses(losses)
        optim_wrapper.update_params(loss)
        return logs

    runner.model.train_step = train_step
    runner.train()
    assert len(scalars(runner, 'train/attack_mis_ratio')) == 2
    assert 'train/acc_adv' not in runner.message_hub.log_scalars


def listeners(model):
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks)
               for module in model.modules())


def test_nothing_listens_to_the_model_after_an_iteration(tmp_path):
    counts = []

    class Count(Hook):

        priority = 'LOWEST'

        def before_train_iter(self, runner, *args, **kwargs):
            counts.append(listeners(runner.model))

        def after_train_iter(self, runner, *args, **kwargs):
            counts.append(listeners(runner.model))

    runner = make_runner(tmp_path, hooks=[
        dict(type='mmseg_rppgd.AttackHook', attack=PGD)])
    runner.register_hook(Count())
    before = listeners(runner.model)
    runner.train()
    assert counts[0] > before and counts[1::2] == [before] * 2


def test_an_iteration_that_failed_is_not_listened_to_for_ever(tmp_path):
    runner = make_runner(tmp_path, hooks=[
        dict(type='mmseg_rppgd.AttackHook', attack=PGD)])
    before, train_step = listeners(runner.model), runner.model.train_step

    def fail(*args, **kwargs):
        raise RuntimeError('out of order')

    runner.model.train_step = fail
    with pytest.raises(RuntimeError, match='out of order'):
        runner.train()
    runner.model.train_step = train_step
    runner.train()
    assert listeners(runner.model) == before
    assert len(scalars(runner, 'train/acc_adv')) == 2


def test_attack_runs_in_the_precision_of_the_optimizer(tmp_path):
    seen = []

    class Probe(AttackHook):

        def _attack(self, *args):
            seen.append(torch.is_autocast_enabled('cpu'))
            return super()._attack(*args)

    runner = make_runner(
        tmp_path, optim_wrapper=dict(
            type='CPUAmpOptimWrapper', optimizer=dict(type='SGD', lr=0.01)))
    runner.register_hook(Probe(PGD, stages=['train', 'test']))
    runner.train()
    runner.test()
    assert seen == [True] * 2 + [False] * 4


@pytest.fixture
def two_optimizers():
    """A segmentor that steps those of backbone and head by itself."""
    from mmseg.models.segmentors import EncoderDecoder

    @MODELS.register_module(force=True)
    class TwoOptimizers(EncoderDecoder):

        def train_step(self, data, optim_wrapper):
            with optim_wrapper['body'].optim_context(self):
                data = self.data_preprocessor(data, True)
                losses = self._run_forward(data, mode='loss')
            loss, logs = self.parse_losses(losses)
            optim_wrapper.zero_grad()
            loss.backward()
            for wrapper in optim_wrapper.values():
                wrapper.step()
            return logs

    return segmentor_cfg(type='mmengine.TwoOptimizers')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module(force=True)
class TwoConstructor:
    """Makes an optimizer of either part, of the types given."""

    def __init__(self, optim_wrapper_cfg, paramwise_cfg=None):
        self.kinds = optim_wrapper_cfg['kinds']

    def __call__(self, model):
        parts = dict(body=model.backbone, head=model.decode_head)
        return OptimWrapperDict(**{
            name: OPTIM_WRAPPERS.get(kind)(
                torch.optim.SGD(part.parameters(), 0.01))
            for kind, (name, part) in zip(self.kinds, parts.items())})


@pytest.mark.parametrize('kinds, half', [
    (['OptimWrapper', 'OptimWrapper'], False),
    (['CPUAmpOptimWrapper', 'CPUAmpOptimWrapper'], True),
    (['CPUAmpOptimWrapper', 'OptimWrapper'], False)])
def test_several_optimizers(tmp_path, two_optimizers, kinds, half,
                            monkeypatch):
    """The attack runs in their precision where they agree."""
    seen, told = [], []
    monkeypatch.setattr(mmseg_rppgd.hooks.attack_hook, 'print_log',
                        lambda text, *args: told.append(text))

    class Probe(AttackHook):

        def _attack(self, *args):
            seen.append(torch.is_autocast_enabled('cpu'))
            return super()._attack(*args)

    runner = make_runner(tmp_path, two_optimizers, optim_wrapper=dict(
        constructor='mmengine.TwoConstructor', kinds=kinds,
        optimizer=dict(type='SGD')))
    runner.register_hook(Probe(PGD))
    runner.train()
    assert seen == [half] * 2
    assert len(scalars(runner, 'train/attack_mis_ratio')) == 2
    differ = len(set(kinds)) > 1
    assert len(told) == differ and all('optimizers differ' in t for t in told)


def test_test_loop_in_half_precision(tmp_path):
    seen = []

    class Probe(AttackHook):

        def _attack(self, *args):
            seen.append(torch.is_autocast_enabled('cpu'))
            return super()._attack(*args)

    runner = make_runner(tmp_path, test_cfg=dict(fp16=True))
    runner.register_hook(Probe(PGD, stages='test'))
    runner.test()
    assert seen == [True] * 4


def test_gradient_accumulation_attacks_every_iteration(tmp_path):
    hook = dict(type='mmseg_rppgd.AttackHook', attack=PGD)
    runner, spy = run(tmp_path, hook, max_iters=4, optim_wrapper=dict(
        optimizer=dict(type='SGD', lr=0.01), accumulative_counts=2))
    assert attacked(spy, 'train') == [[False, True]] * 4


class TestRefusals:

    @pytest.mark.parametrize('stages', ['training', [], ['train', 'tst'], 3])
    def test_stages(self, stages):
        with pytest.raises(ValueError, match="stages must be 'train', 'val', "
                           "'test' or a list"):
            AttackHook(PGD, stages=stages)

    def test_share(self):
        with pytest.raises(ValueError, match=r'adv_ratio must be in \[0, 1\]'
                           '.*got 50'):
            AttackHook(PGD, adv_ratio=50)

    def test_share_that_is_no_number(self):
        with pytest.raises(TypeError, match="adv_ratio must be a number.*got "
                           "'half'"):
            AttackHook(PGD, adv_ratio='half')

    @pytest.mark.parametrize('attack', ['PGD', None, dict(steps=3)])
    def test_what_is_no_attack(self, attack):
        with pytest.raises(TypeError, match='attack must be a dict with a '
                           'type'):
            AttackHook(attack)

    def test_unknown_attack(self):
        with pytest.raises(KeyError, match='unknown attack .PDG.*did you mean'
                           ' PGD.*known attacks: .*RPPGD'):
            AttackHook(dict(type='PDG'))

    @pytest.mark.parametrize('hook, message', [
        (dict(type='mmseg_rppgd.PGDHook', targeted=True),
         'PGDHook takes no targeted attack, but got PGD with targeted=True: '
         'the labels there are the true ones'),
        (dict(type='mmseg_rppgd.AttackHook', stages='test',
              attack=dict(type='APGD', targeted=True)), 'but got APGD with'),
        (dict(type='mmseg_rppgd.EnsembleAttackHook',
              attacks=[dict(type='PGD', targeted=True)]),
         'but got EnsembleAttack with targeted=True')])
    def test_targets(self, hook, message):
        with pytest.raises(ValueError, match=message):
            HOOKS.build(hook)

    def test_hook_and_wrapper_together(self, tmp_path):
        hook = dict(type='mmseg_rppgd.PGDHook', steps=1)
        runner = make_runner(tmp_path, wrapped(), hooks=[hook])
        with pytest.raises(ValueError, match='PGDHook and '
                           'AdversarialSegmentor would both attack'):
            runner.train()

    @pytest.mark.parametrize('stage', ['train', 'val', 'test'])
    def test_two_hooks_in_one_stage(self, tmp_path, stage):
        """The second would take the images of the first for clean ones."""
        hooks = [dict(type='mmseg_rppgd.PGDHook', steps=1, stages=stage),
                 dict(type='mmseg_rppgd.FGSMHook', stages=[stage])]
        runner = make_runner(tmp_path, hooks=hooks)
        with pytest.raises(ValueError, match='PGDHook and FGSMHook would '
                           f'attack the same {stage} images'):
            getattr(runner, stage)()

    def test_two_hooks_in_different_stages(self, tmp_path):
        hooks = [dict(type='mmseg_rppgd.PGDHook', steps=1),
                 dict(type='mmseg_rppgd.FGSMHook', stages='test')]
        runner = make_runner(tmp_path, hooks=hooks, max_iters=1)
        runner.train()
        runner.test()

    def test_hook_tests_a_wrapped_model(self, tmp_path):
        hook = dict(type='mmseg_rppgd.PGDHook', steps=1, stages='test')
        runner, spy = run(tmp_path, hook, model=wrapped())
        assert attacked(spy, 'train') == [[False, False]] * 2
        assert attacked(spy, 'test') == [[True]] * 4

    def test_label_outside_the_classes(self, tmp_path):
        hook = dict(type='mmseg_rppgd.PGDHook', steps=1)
        runner = make_runner(tmp_path, hooks=[hook], train=dict(bad_label=9))
        with pytest.raises(ValueError, match=r'image_\d.png has 9'):
            runner.train()


def test_it_is_built_from_the_registry():
    hook = HOOKS.build(dict(type='mmseg_rppgd.AttackHook', attack=PGD))
    assert hook.stages == ['train'] and hook.adv_ratio == 0.5


def test_it_takes_an_attack_or_its_class():
    attack = attacks.PGD(steps=4)
    assert AttackHook(attack).attack is attack
    hook = AttackHook(dict(type=attacks.PGD, steps=3))
    assert type(hook.attack) is attacks.PGD and hook.attack.steps == 3


class TestNamedHooks:
    """A hook for every attack, by one mechanism."""

    @pytest.mark.parametrize('name', sorted(ATTACKS.module_dict))
    def test_every_attack_has_its_hook(self, name):
        cls = HOOKS.get(f'mmseg_rppgd.{name}Hook')
        assert issubclass(cls, AttackHook)
        assert cls.__name__ == f'{name}Hook'
        assert getattr(mmseg_rppgd.hooks, f'{name}Hook') is cls

    def test_it_can_be_imported(self):
        from mmseg_rppgd.hooks import RPPGDHook
        assert RPPGDHook(steps=3).attack.name == 'RPPGD'
        assert repr(RPPGDHook) == "<class 'mmseg_rppgd.hooks.RPPGDHook'>"

    def test_it_takes_the_arguments_of_the_attack(self):
        hook = HOOKS.build(dict(
            type='mmseg_rppgd.RPPGDHook', steps=7, eps='8/255',
            stages='test', adv_ratio=1))
        assert hook.attack.name == 'RPPGD' and hook.attack.steps == 7
        assert hook.stages == ['test'] and hook.adv_ratio == 1

    def test_attacks_registered_later_get_one_too(self):
        ATTACKS.register_module(name='LaterPGD', module=type(
            'LaterPGD', (attacks.PGD, ), {}))
        try:
            with pytest.raises(KeyError, match='did you mean LaterPGDHook'):
                HOOKS.build(dict(type='mmseg_rppgd.LatrPGDHook'))
            hook = HOOKS.build(dict(type='mmseg_rppgd.LaterPGDHook', steps=2))
            assert hook.attack.name == 'LaterPGD'
        finally:
            ATTACKS.module_dict.pop('LaterPGD')
            OWN_HOOKS.module_dict.pop('LaterPGDHook')

    def test_it_can_be_pickled(self):
        hook = pickle.loads(pickle.dumps(mmseg_rppgd.hooks.PGDHook(steps=4)))
        assert hook.attack.steps == 4

    def test_unknown_name(self):
        with pytest.raises(AttributeError, match='NoSuchHook'):
            mmseg_rppgd.hooks.NoSuchHook
        with pytest.raises(ImportError, match='PDGHook'):
            from mmseg_rppgd.hooks import PDGHook  # noqa: F401

    def test_wrong_argument_names_the_attack(self):
        with pytest.raises(TypeError, match='PGD has no argument .stepz'):
            mmseg_rppgd.hooks.PGDHook(stepz=3)


@DATASETS.register_module(force=True)
class SmallPixels(TinyDataset):
    """Images in [0, 1]; the later ones are black."""

    def __getitem__(self, index):
        data = super().__getitem__(index)
        data['inputs'] = data['inputs'].float() / 255 * (index == 0)
        return data


def small_pixels(tmp_path, hook=(), **preprocessor):
    data = dict(loader(1), dataset=dict(type='mmengine.SmallPixels'))
    runner = make_runner(
        tmp_path, segmentor_cfg(preprocessor=preprocessor),
        hooks=[dict(type='mmseg_rppgd.PGDHook', steps=1, **dict(hook))],
        train_dataloader=data)
    runner.train()
    return next(h for h in runner.hooks if hasattr(h, 'pixel_range'))


def test_range_of_pixels_is_told_by_the_first_batch(tmp_path):
    hook = small_pixels(tmp_path, mean=[.4] * 3, std=[.2] * 3)
    assert hook.pixel_range == 1


def test_range_that_is_not_certain_must_be_given(tmp_path):
    nothing = dict(mean=None, std=None)
    with pytest.raises(ValueError, match='image_0.png has .*pixel_range'):
        small_pixels(tmp_path, **nothing)
    assert small_pixels(tmp_path, dict(pixel_range=1),
                        **nothing).pixel_range == 1


def test_a_data_preprocessor_that_is_not_understood_is_refused(tmp_path):
    runner = make_runner(tmp_path, hooks=[
        dict(type='mmseg_rppgd.PGDHook', steps=1)])
    space = runner.model.data_preprocessor
    forward = space.forward
    space.forward = lambda data, training=False: forward(dict(
        data, inputs=[x.flip(0) for x in data['inputs']]), training)
    with pytest.raises(ValueError, match='SegDataPreProcessor is not underst'):
        runner.train()
