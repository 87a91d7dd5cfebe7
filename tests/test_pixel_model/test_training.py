"""The attack of training batches: share, noise, overflows."""
import copy

import pytest
import torch
from mmengine.logging import MessageHub
from tiny_runner import loader, make_runner, scalars, wrapped
from tiny_segmentors import batch, head_cfg, segmentor_cfg, tiny_segmentor

from mmseg_rppgd.attacks import PGD
from mmseg_rppgd.pixel_model import TrainingAttack, training
from mmseg_rppgd.pixel_model.training import Overflows, TrainingNoise
from mmseg_rppgd.registry import ATTACKS

ATTACK = dict(type='PGD', steps=1)
# Dropout draws from the global random state, which mmengine does not restore.
SEGMENTOR = segmentor_cfg(head=head_cfg(dropout_ratio=0))


def arranged(way, attack=ATTACK, **kwargs):
    """A runner's model and hooks, for one of the two ways to train."""
    if way == 'hook':
        return dict(model=SEGMENTOR, hooks=[dict(
            type='mmseg_rppgd.AttackHook', attack=attack, **kwargs)])
    return dict(model=wrapped(attack, SEGMENTOR, **kwargs))


def by_epoch(length, epochs, batch_size=2):
    """A loop of epochs instead of iterations."""
    return dict(
        train_dataloader=loader(batch_size, length=length),
        train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=epochs,
                       val_interval=99),
        default_hooks=dict(
            checkpoint=dict(type='CheckpointHook', interval=1)))


both = pytest.mark.parametrize('way', ['hook', 'wrapper'])


class TestShare:

    @both
    def test_one_that_rounds_to_no_image_is_refused(self, way, tmp_path):
        runner = make_runner(tmp_path, **arranged(way, adv_ratio=0.2))
        with pytest.raises(ValueError, match='adv_ratio=0.2 of a batch of 2 '
                           'images .* at least 0.25, larger batches, or '
                           'adv_ratio=0 to'):
            runner.train()

    @pytest.mark.parametrize('size', range(1, 30))
    def test_the_one_that_is_named_works(self, size):
        data = batch([(8, 8)] * size)
        with pytest.raises(ValueError) as error:
            TrainingAttack()(PGD(), 1e-3, None, **data)
        least = str(error.value).split('at least ')[1].split(',')[0]
        assert training.num_attacked(**data, adv_ratio=float(least)) == 1

    @both
    def test_none_trains_clean(self, way, tmp_path):
        runner = make_runner(tmp_path, **arranged(way, adv_ratio=0))
        runner.train()
        assert 'train/attack_mis_ratio' not in runner.message_hub.log_scalars

    @both
    def test_a_smaller_last_batch_does_not_end_an_epoch(self, way, tmp_path):
        runner = make_runner(tmp_path, **arranged(way, adv_ratio=0.2),
                             **by_epoch(4, 2, batch_size=3))
        runner.train()
        assert len(scalars(runner, 'train/attack_mis_ratio')) == 2
        assert runner.iter == 4


class TestNoise:

    @both
    @pytest.mark.parametrize('loop', ['iterations', 'epochs'])
    def test_a_resumed_training_equals_an_unbroken_one(self, way, loop,
                                                       tmp_path):
        def train(name, stop, **kwargs):
            stops = (dict(max_iters=stop) if loop == 'iterations'
                     else by_epoch(4, stop // 2))
            runner = make_runner(tmp_path / name, **arranged(way), **stops,
                                 **kwargs)
            runner.train()
            return runner.model.state_dict()

        unbroken = train('unbroken', 4)
        train('broken', 2)
        torch.rand(7)  # the global state is elsewhere
        resumed = train('broken', 4, resume=True)
        assert all(torch.equal(unbroken[k], resumed[k]) for k in unbroken)

    @both
    def test_the_global_state_is_left_alone(self, way, tmp_path):
        """Dropout draws what it would have drawn without an attack."""
        states = []
        for cfg in (arranged(way), dict(model=SEGMENTOR)):
            runner = make_runner(tmp_path, **cfg)
            torch.manual_seed(3)
            runner.train()
            states.append(torch.get_rng_state())
        assert torch.equal(*states)

    @pytest.fixture
    def hub(self):
        hub = MessageHub.get_instance('noise')
        hub.update_info_dict(dict(iter=3, seed=5))
        yield hub
        MessageHub._instance_dict.pop('noise')

    def draw(self, noise=None, count=2):
        generators = (noise or TrainingNoise()).generators(count)
        return [float(torch.rand((), generator=g)) for g in generators]

    def test_it_depends_on_seed_iteration_and_rank(self, hub, monkeypatch):
        found = [self.draw()]
        assert self.draw() == found[0], 'and on nothing else'
        hub.update_info('iter', 4)
        found.append(self.draw())
        hub.update_info('attack_seed', 6)
        found.append(self.draw())
        monkeypatch.setattr(training, 'get_rank', lambda: 1)
        found.append(self.draw())
        assert len({x for numbers in found for x in numbers}) == 8

    def test_it_does_not_depend_on_how_many_are_attacked(self, hub):
        assert self.draw(count=5)[:2] == self.draw(count=2)

    def test_several_calls_in_an_iteration_differ(self, hub):
        noise = TrainingNoise()
        first, second = self.draw(noise), self.draw(noise)
        assert first != second
        hub.update_info('iter', 4)
        self.draw(noise)
        hub.update_info('iter', 3)
        assert self.draw(noise) == first

    def test_the_seed_is_kept_with_the_checkpoint(self, hub):
        self.draw()
        state = hub.state_dict()
        hub.update_info('seed', 99)
        hub.load_state_dict(state)
        assert hub.get_info('attack_seed') == 5

    def test_without_a_runner_it_is_that_of_the_global_state(self, hub):
        hub.pop_info('iter')
        assert TrainingNoise().generators(2) is None


class OverflowingPGD(PGD):
    """Overflows in those of its runs that are named."""

    runs = ()
    run_number = 0

    def run(self, *args, **kwargs):
        type(self).run_number += 1
        if self.run_number in self.runs:
            raise FloatingPointError('not finite at step 1 of 1')
        return super().run(*args, **kwargs)


AMP = dict(type='CPUAmpOptimWrapper', optimizer=dict(type='SGD', lr=0.01))


class TestOverflow:

    @pytest.fixture(autouse=True)
    def overflows(self):
        OverflowingPGD.runs, OverflowingPGD.run_number = {2, 3}, 0
        ATTACKS.register_module(module=OverflowingPGD)
        yield
        ATTACKS.module_dict.pop('OverflowingPGD')

    attack = dict(type='OverflowingPGD', steps=1)

    @both
    def test_the_batch_is_trained_clean_and_counted(self, way, tmp_path):
        runner = make_runner(tmp_path, **arranged(way, self.attack),
                             max_iters=4, optim_wrapper=AMP)
        runner.train()
        assert runner.iter == 4
        assert len(scalars(runner, 'train/attack_mis_ratio')) == 2
        assert scalars(runner, 'train/attack_overflows') == [1, 2, 2]

    @both
    def test_in_full_precision_it_is_an_error(self, way, tmp_path):
        runner = make_runner(tmp_path, **arranged(way, self.attack),
                             max_iters=4)
        with pytest.raises(FloatingPointError,
                           match=r'image_\d.png: not finite'):
            runner.train()

    def test_in_a_test_it_is_an_error_that_names_the_file(self, tmp_path):
        runner = make_runner(tmp_path, test_cfg=dict(fp16=True), hooks=[dict(
            type='mmseg_rppgd.AttackHook', attack=self.attack,
            stages='test')])
        with pytest.raises(FloatingPointError, match='image_1.png: not fin'):
            runner.test()

    def test_twenty_in_a_row_are_an_error(self):
        overflows = Overflows()
        for _ in range(19):
            overflows.note(FloatingPointError('inf'))
        overflows.note(None)
        with pytest.raises(FloatingPointError, match='in 39 of 40 batches, '
                           '20 of them in a row.*full precision.*inf$'):
            for _ in range(20):
                overflows.note(FloatingPointError('inf'))

    def test_more_than_a_tenth_is_an_error_after_a_hundred(self):
        overflows = Overflows()
        results = [FloatingPointError('inf')] * 11 + [None] * 87
        for error in results:
            overflows.note(error)
        overflows.note(FloatingPointError('inf'))  # 12 of 99
        with pytest.raises(FloatingPointError, match='13 of 100 batches'):
            overflows.note(FloatingPointError('inf'))

    def test_a_tenth_is_none(self):
        overflows = Overflows()
        for number in range(1, 1001):
            overflows.note(
                FloatingPointError('inf') if number % 10 == 0 else None)
        assert overflows.count == 100

    def test_half_precision_weights_count_too(self):
        segmentor = tiny_segmentor()
        assert not training.in_half_precision(segmentor)
        assert training.in_half_precision(copy.deepcopy(segmentor).half())
        with torch.autocast('cpu'):
            assert training.in_half_precision(segmentor)
