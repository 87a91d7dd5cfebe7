"""AdversarialSegmentor: training, delegation and stock checkpoints."""
import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import ExponentialMovingAverage
from mmengine.runner import load_checkpoint, save_checkpoint
from mmengine.runner.checkpoint import load_state_dict
from tiny_runner import make_runner, runner_cfg, scalars, wrapped
from tiny_segmentors import (batch, build, head_cfg, segmentor_cfg,
                             tiny_segmentor)

from mmseg_rppgd import AdversarialSegmentor, PixelModel
from mmseg_rppgd.registry import ATTACKS

PGD = dict(type='PGD', steps=2)


def wrap(segmentor=None, **kwargs):
    return AdversarialSegmentor(segmentor or tiny_segmentor(auxiliary=True),
                                **dict(dict(attack=PGD), **kwargs))


def loss(model, size=4):
    data = model.data_preprocessor(batch([(32, 32)] * size), True)
    return model.train()(**data, mode='loss')


class TestLoss:

    def test_it_is_that_of_the_mixed_batch(self):
        model = wrap(attack=dict(PGD, random_start=False))
        seen = []
        original = model.segmentor.extract_feat
        model.segmentor.extract_feat = lambda x: seen.append(x) or original(x)
        losses = loss(model)
        data = model.data_preprocessor(batch([(32, 32)] * 4), True)
        mixed = seen[-1]
        assert torch.equal(mixed[:2], data['inputs'][:2])
        assert not torch.equal(mixed[2:], data['inputs'][2:])
        assert sum(len(x) == 4 for x in seen) == 1, 'one mixed forward'
        assert {'decode.loss_ce', 'aux.loss_ce'} <= set(losses)

    def test_it_backpropagates_to_every_parameter(self):
        model = wrap()
        losses = loss(model)
        model.parse_losses(losses)[0].backward()
        assert all(p.grad is not None for p in model.parameters())

    def test_the_attack_leaves_no_gradient_and_no_statistics(self):
        model = wrap(adv_ratio=1)
        before = copy.deepcopy(model.state_dict())
        model.segmentor.loss = lambda inputs, data_samples: dict()
        loss(model)
        assert all(p.grad is None and p.requires_grad
                   for p in model.parameters())
        assert all(m.training for m in model.modules())
        after = model.state_dict()
        assert all(torch.equal(before[k], after[k]) for k in before)

    @pytest.mark.parametrize('adv_ratio, names', [
        (0, {'acc_clean'}),
        (0.5, {'attack_mis_ratio', 'acc_clean', 'acc_adv'}),
        (1, {'attack_mis_ratio', 'acc_adv'})])
    def test_logs(self, adv_ratio, names):
        losses = loss(wrap(adv_ratio=adv_ratio))
        logs = {k for k in losses if '.' not in k}
        assert logs == names and not any('loss' in k for k in logs)
        assert all(0 <= losses[k] <= 100 for k in logs)

    def test_accuracies_split_that_of_the_whole_batch(self):
        losses = loss(wrap())
        both = (losses['acc_clean'] + losses['acc_adv']) / 2
        assert both.item() == pytest.approx(
            losses['decode.acc_seg'].item(), abs=1e-3)

    def test_time_share_is_known_from_the_second_iteration(self):
        model = wrap()
        assert 'attack_time_share' not in loss(model)
        assert 0 < loss(model)['attack_time_share'] < 1
        model.eval()
        assert 'attack_time_share' not in loss(model)

    def test_binary_head(self):
        model = wrap(tiny_segmentor(head=head_cfg(
            num_classes=2, out_channels=1, loss_decode=dict(
                type='CrossEntropyLoss', use_sigmoid=True))))
        data = batch([(32, 32)] * 2, num_classes=2)
        losses = model.train()(
            **model.data_preprocessor(data, True), mode='loss')
        assert 0 <= losses['acc_adv'] <= 100

    def test_cascade(self):
        model = wrap(tiny_segmentor(
            type='CascadeEncoderDecoder', num_stages=2,
            decode_head=[head_cfg(), head_cfg('OCRHead', ocr_channels=4)]))
        assert {'acc_adv', 'decode_1.loss_ce'} <= set(loss(model))


class FirstAdversarial(AdversarialSegmentor):
    """A strategy: the loss of the adversarial part, twice that of the rest."""

    def mixed_loss(self, inputs, data_samples, num_adv):
        first = len(data_samples) - num_adv
        self.given = inputs, num_adv
        clean, adversarial = (
            self.segmentor.loss(inputs[part], data_samples[part])
            for part in (slice(0, first), slice(first, None)))
        return {
            'clean.loss': clean['decode.loss_ce'],
            'adv.loss': 2 * adversarial['decode.loss_ce']
        }


class TestStrategy:

    def test_it_decides_the_losses(self):
        model = FirstAdversarial(
            tiny_segmentor(), dict(PGD, random_start=False), adv_ratio=.25)
        data = model.data_preprocessor(batch([(32, 32)] * 4), True)
        losses = model.train()(**data, mode='loss')
        inputs, num_adv = model.given
        assert num_adv == 1
        assert torch.equal(inputs[:3], data['inputs'][:3])
        assert not torch.equal(inputs[3], data['inputs'][3])
        total, _ = model.parse_losses(losses)
        assert torch.equal(total, losses['clean.loss'] + losses['adv.loss'])
        total.backward()
        assert model.decode_head.conv_seg.weight.grad.abs().sum() > 0

    def test_accuracies_need_a_pass_of_the_whole_batch(self):
        model = FirstAdversarial(tiny_segmentor(), PGD)
        assert set(loss(model)) == {'clean.loss', 'adv.loss',
                                    'attack_mis_ratio'}

    def test_the_default_is_the_loss_of_the_segmentor(self):
        model = wrap().eval()
        data = model.data_preprocessor(batch([(32, 32)] * 2), True)
        own = model.mixed_loss(**data, num_adv=1)
        stock = model.segmentor.loss(**data)
        assert own.keys() == stock.keys()
        assert torch.equal(own['decode.loss_ce'], stock['decode.loss_ce'])


class TestDelegation:

    def test_prediction_is_the_segmentors(self):
        segmentor = tiny_segmentor()
        model = wrap(segmentor).eval()
        data = batch()
        with torch.no_grad():
            outputs = [m.test_step(copy.deepcopy(data))
                       for m in (segmentor, model)]
            inputs = model.data_preprocessor(data)['inputs']
            assert torch.equal(model(inputs), segmentor(inputs))
            assert torch.equal(
                model.encode_decode(inputs, [dict(img_shape=(32, 32))] * 2),
                segmentor.encode_decode(inputs,
                                        [dict(img_shape=(32, 32))] * 2))
        for stock, own in zip(*outputs):
            assert torch.equal(stock.seg_logits.data, own.seg_logits.data)

    def test_unknown_attributes_are_the_segmentors(self):
        model = wrap()
        assert model.num_classes == 4 and model.align_corners is False
        assert model.with_auxiliary_head and not model.with_neck
        assert model.slide_inference.__self__ is model.segmentor
        with pytest.raises(AttributeError, match='no_such_thing'):
            model.no_such_thing

    def test_it_can_be_attacked_like_the_segmentor(self):
        model = wrap()
        assert PixelModel(model).segmentor is model.segmentor

    def test_mode_reaches_the_segmentor(self):
        model = wrap()
        assert not model.eval().segmentor.training
        assert model.train().segmentor.training

    def test_dtype_reaches_the_segmentor(self):
        model = wrap().double()
        assert model.segmentor.decode_head.conv_seg.weight.dtype \
            == torch.float64

    def test_weights_are_initialised_as_in_the_segmentor(self):
        torch.manual_seed(0)
        stock = build(segmentor_cfg())
        model = wrap(copy.deepcopy(stock))
        for network in (stock, model):
            torch.manual_seed(0)
            network.init_weights()
        for key, value in stock.state_dict().items():
            assert torch.equal(value, model.state_dict()[key])

    @pytest.mark.parametrize('transfer', [copy.deepcopy, lambda model: (
        __import__('pickle').loads(__import__('pickle').dumps(model)))])
    def test_copies_are_whole_and_separate(self, transfer):
        model = wrap()
        other = transfer(model)
        with torch.no_grad():
            other.decode_head.conv_seg.bias.add_(1)
        assert other.segmentor.decode_head is other.decode_head
        assert not torch.equal(model.decode_head.conv_seg.bias,
                               other.decode_head.conv_seg.bias)

    def test_replaced_child_reaches_the_segmentor(self):
        model = wrap()
        model.decode_head = torch.nn.Identity()
        assert model.segmentor.decode_head is model.decode_head


class TestConfig:

    def test_it_builds_from_a_config_of_the_segmentor(self):
        from mmseg.registry import MODELS
        cfg = Config(dict(model=wrapped()))
        before = copy.deepcopy(cfg.model.to_dict())
        model = MODELS.build(cfg.model)
        assert isinstance(model, AdversarialSegmentor)
        assert type(model.segmentor).__name__ == 'EncoderDecoder'
        assert cfg.model.to_dict().keys() == before.keys()
        assert model.data_preprocessor is model.segmentor.data_preprocessor

    def test_settings_are_passed_on(self):
        segmentor = segmentor_cfg(pretrained='nowhere://weights')
        model = AdversarialSegmentor(
            Config(segmentor)._cfg_dict, PGD, pretrained=None, train_cfg=None,
            test_cfg=dict(mode='slide'))
        assert model.segmentor.train_cfg is None
        assert model.test_cfg['mode'] == 'slide'

    def test_preprocessor_of_the_segmentor_wins(self):
        """As it does without the wrapper, over that of the whole config."""
        theirs = dict(type='SegDataPreProcessor', mean=[0.] * 3, std=[9.] * 3)
        model = AdversarialSegmentor(
            segmentor_cfg(), PGD, data_preprocessor=theirs)
        assert model.data_preprocessor.std.max() > 50
        model = AdversarialSegmentor(
            segmentor_cfg(data_preprocessor=None), PGD,
            data_preprocessor=theirs)
        assert model.data_preprocessor.std.max() == 9

    def test_unknown_setting(self):
        with pytest.raises(TypeError, match='but got steps; settings of the '
                           'segmentor belong inside segmentor'):
            wrap(steps=3)

    def test_share(self):
        with pytest.raises(ValueError, match='adv_ratio must be in.*got -1'):
            wrap(adv_ratio=-1)

    def test_targets(self):
        with pytest.raises(ValueError, match='AdversarialSegmentor takes no '
                           'targeted attack, but got PGD with'):
            wrap(attack=dict(type='PGD', targeted=True))

    def test_built_attack(self):
        attack = ATTACKS.build(PGD)
        assert wrap(attack=attack).attack is attack

    def test_layer_decay_groups_are_the_stock_ones(self):
        import mmseg.engine  # noqa: F401
        from mmengine.optim import build_optim_wrapper
        segmentor = tiny_segmentor(
            backbone=dict(
                type='VisionTransformer', img_size=32, patch_size=8,
                embed_dims=32, num_layers=2, num_heads=2,
                out_indices=-1),
            decode_head=head_cfg(in_index=0))
        segmentor.backbone.__class__ = type(
            'MAE', (type(segmentor.backbone), ), {})
        cfg = dict(
            optimizer=dict(type='SGD', lr=0.01),
            constructor='LearningRateDecayOptimizerConstructor',
            paramwise_cfg=dict(num_layers=2, decay_rate=0.5,
                               decay_type='layer_wise'))
        groups = [
            build_optim_wrapper(model, copy.deepcopy(cfg)).param_groups
            for model in (segmentor, wrap(segmentor))
        ]
        for stock, own in zip(*groups):
            assert stock['lr'] == own['lr']
            assert list(map(id, stock['params'])) == list(
                map(id, own['params']))


class TestCheckpoints:

    def test_state_dict_is_the_stock_one(self):
        model = wrap()
        stock = model.segmentor.state_dict()
        own = model.state_dict()
        assert list(own) == list(stock)
        assert own._metadata == stock._metadata
        assert [n for n, _ in model.named_parameters()] == \
            [n for n, _ in model.segmentor.named_parameters()]

    @pytest.mark.parametrize('load', [
        lambda model, state: model.load_state_dict(state, strict=True),
        lambda model, state: load_state_dict(model, state, strict=True)],
        ids=['torch', 'mmengine'])
    def test_either_loads_the_other_strictly(self, load):
        stock, model = tiny_segmentor(auxiliary=True), wrap()
        state = stock.state_dict()
        keys, metadata = list(state), copy.deepcopy(state._metadata)
        load(model, state)
        assert list(state) == keys and state._metadata == metadata
        assert torch.equal(model.decode_head.conv_seg.weight,
                           stock.decode_head.conv_seg.weight)
        load(tiny_segmentor(auxiliary=True), model.state_dict())

    def test_with_a_prefix(self):
        outer = torch.nn.ModuleDict(dict(net=wrap()))
        stock = torch.nn.ModuleDict(dict(net=tiny_segmentor(auxiliary=True)))
        outer.load_state_dict(stock.state_dict(), strict=True)
        assert list(outer.state_dict()) == list(stock.state_dict())

    @pytest.mark.parametrize('update_buffers', [False, True])
    def test_moving_average(self, update_buffers):
        model = wrap()
        average = ExponentialMovingAverage(
            model, 0.5, update_buffers=update_buffers)
        average.update_parameters(model)
        stock = ExponentialMovingAverage(
            model.segmentor, 0.5, update_buffers=update_buffers)
        stock.load_state_dict(average.state_dict(), strict=True)
        average.load_state_dict(stock.state_dict(), strict=True)

    def test_init_model_reads_it_with_either_config(self, tmp_path):
        from mmseg.apis import inference_model, init_model
        model = wrap(tiny_segmentor())
        path = str(tmp_path / 'model.pth')
        save_checkpoint(dict(
            state_dict=model.state_dict(),
            meta=dict(dataset_meta=dict(classes='abcd'))), path)
        stock = Config(dict(model=segmentor_cfg(), default_scope='mmseg'))
        own = Config(dict(model=wrapped(), default_scope='mmseg'))
        pipeline = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
        results = []
        for config in (stock, own):
            config.test_pipeline = pipeline
            network = init_model(config, path, device='cpu')
            image = (torch.rand(32, 32, 3, generator=torch.Generator(
            ).manual_seed(0)) * 255).byte().numpy()
            results.append(inference_model(network, image).seg_logits.data)
        assert torch.equal(*results)

    def test_train_resume_and_load_from(self, tmp_path):
        cfg = dict(model=wrapped(), hooks=[dict(type='EMAHook')])
        first = make_runner(tmp_path / 'a', max_iters=2, **cfg)
        first.train()
        path = str(tmp_path / 'a' / 'iter_2.pth')
        checkpoint = torch.load(path, weights_only=False)
        stock = tiny_segmentor()
        stock.load_state_dict(checkpoint['state_dict'], strict=True)
        load_checkpoint(tiny_segmentor(), path, strict=True)

        resumed = make_runner(tmp_path / 'b', max_iters=3, load_from=path,
                              resume=True, **cfg)
        resumed.train()
        assert resumed.iter == 3
        loaded = make_runner(tmp_path / 'c', max_iters=1, load_from=path)
        loaded.train()
        loaded = make_runner(tmp_path / 'd', wrapped(), load_from=path)
        loaded.load_or_resume()
        assert torch.equal(loaded.model.decode_head.conv_seg.weight,
                           checkpoint['state_dict']
                           ['decode_head.conv_seg.weight'])


class TestRunner:

    @pytest.mark.parametrize('attack', [
        PGD, dict(type='RPPGD', steps=2)], ids=lambda attack: attack['type'])
    @pytest.mark.parametrize('optim_wrapper', [
        'OptimWrapper', 'CPUAmpOptimWrapper'])
    def test_hook_and_wrapper_train_and_log_the_same(self, tmp_path, attack,
                                                     optim_wrapper):
        optim_wrapper = dict(type=optim_wrapper,
                             optimizer=dict(type='SGD', lr=0.05),
                             accumulative_counts=2)
        states, logs = [], []
        for name, cfg in dict(
                hook=dict(hooks=[dict(type='mmseg_rppgd.AttackHook',
                                      attack=attack)]),
                wrapper=dict(model=wrapped(attack))).items():
            runner = make_runner(tmp_path / name, max_iters=4,
                                 optim_wrapper=optim_wrapper, **cfg)
            torch.manual_seed(0)
            runner.train()
            states.append(runner.model.state_dict())
            logs.append([scalars(runner, f'train/{log}') for log in (
                'acc_clean', 'acc_adv', 'attack_mis_ratio')])
        assert all(torch.equal(states[0][k], states[1][k])
                   for k in states[0])
        assert logs[0] == logs[1] and [len(log) for log in logs[0]] == [4] * 3
        assert len({value for log in logs[0] for value in log}) > 6

    def test_validation_is_clean(self, tmp_path):
        seen = []

        class Spy(Hook):

            def after_val_iter(self, runner, batch_idx, data_batch=None,
                               outputs=None):
                seen.append(data_batch['inputs'][0].dtype)

        runner = make_runner(tmp_path, wrapped(), val_interval=2)
        runner.register_hook(Spy())
        runner.train()
        assert seen == [torch.uint8] * 4
        assert len(scalars(runner, 'train/acc_adv')) == 2
        assert len(scalars(runner, 'train/attack_mis_ratio')) == 2

    def test_config_survives_the_runner(self, tmp_path):
        cfg = runner_cfg(tmp_path, wrapped())
        assert Config(cfg).pretty_text


@pytest.mark.parametrize('given', [None, 1])
def test_pixels_in_01(given):
    statistics = dict(mean=None, std=None) if given else dict(
        mean=[.4] * 3, std=[.2] * 3)
    model = wrap(build(segmentor_cfg(preprocessor=statistics)),
                 pixel_range=given)
    data = batch()
    data['inputs'] = [x.float() / 255 for x in data['inputs']]
    data = model.data_preprocessor(data, True)
    model.train().loss(**data)
    assert model.pixel_range == 1


def test_a_range_that_is_not_certain_is_refused():
    model = wrap(build(segmentor_cfg(
        preprocessor=dict(mean=None, std=None))))
    data = batch()
    data['inputs'] = [x.float() / 255 for x in data['inputs']]
    with pytest.raises(ValueError, match='image_0.png has .*pixel_range'):
        model.train().loss(**model.data_preprocessor(data, True))
