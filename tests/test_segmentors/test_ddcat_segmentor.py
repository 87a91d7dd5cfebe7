"""DDCATSegmentor: division, losses, checkpoints and resume."""
import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.model import ExponentialMovingAverage
from tiny_runner import make_runner, wrapped
from tiny_segmentors import (batch, build, head_cfg, segmentor_cfg,
                             tiny_segmentor)
from toy_models import FAST

from mmseg_rppgd import AdversarialSegmentor, DDCATSegmentor, perturb_batch
from mmseg_rppgd.attacks import PGD
from mmseg_rppgd.checkpoints import check_weights
from mmseg_rppgd.segmentors.ddcat_head import DDCATHead

BIM = dict(type='BIM', steps=2)
STILL = dict(type='BIM', steps=1, eps=0)  # changes nothing
# Dropout draws from the global random state, which differs from run to run.
HEAD = head_cfg(dropout_ratio=0)


def make(kind=DDCATSegmentor, attack=BIM, segmentor=None, **kwargs):
    segmentor = segmentor or tiny_segmentor(head=HEAD, auxiliary=True)
    return kind(segmentor, attack, **kwargs)


def twin(kind, **kwargs):
    """Make one of two that have the same weights."""
    torch.manual_seed(0)
    return make(kind, **kwargs)


def processed(model, size=4, **kwargs):
    return model.data_preprocessor(batch([(32, 32)] * size, **kwargs), True)


def loss(model, size=4):
    return model.train()(**processed(model, size), mode='loss')


def choose(model, auxiliary):
    """Let the mask select one branch everywhere."""
    mask = model.ddcat_head.mask
    with torch.no_grad():
        mask.weight.zero_()
        mask.bias.copy_(torch.tensor([-4., 4.] if auxiliary else [4., -4.]))


def labels_of(data):
    return torch.stack([sample.gt_sem_seg.data[0]
                        for sample in data['data_samples']])


class OneHead(torch.nn.Module):
    """A classifier of two features that gives 10 times what it reads."""
    align_corners = False

    def __init__(self):
        super().__init__()
        self.conv_seg = torch.nn.Conv2d(2, 2, 1, bias=False)
        with torch.no_grad():
            self.conv_seg.weight.copy_(10 * torch.eye(2)[..., None, None])


class TestMix:

    @pytest.fixture
    def head(self):
        return OneHead()

    @pytest.fixture
    def branches(self, head):
        """The auxiliary gives -1 times, the mask what it reads."""
        branches = DDCATHead(head.conv_seg)
        eye = torch.eye(2)[..., None, None]
        with torch.no_grad():
            for branch, weight in ((branches.auxiliary, -eye),
                                   (branches.mask, eye)):
                branch.weight.copy_(weight)
                branch.bias.zero_()
        return branches

    # Two pixels: the mask selects the main branch of the first, whose first
    # feature is the larger one, and the auxiliary branch of the second.
    features = torch.tensor([[[[3., 1.]], [[2., 5.]]]])

    def test_the_mask_selects(self, head, branches):
        with branches.mixed_in(head, (1, 2)) as masks:
            mixed = head.conv_seg(self.features)
        assert mixed.tolist() == [[[[30., -1.]], [[20., -5.]]]]
        assert torch.equal(masks[0], self.features)

    def test_given_pixels_select(self, head, branches):
        given = torch.tensor([[[True, False]]])
        with branches.mixed_in(head, (1, 2), given):
            mixed = head.conv_seg(self.features)
        assert mixed.tolist() == [[[[-3., 10.]], [[-2., 50.]]]]

    def test_it_is_mixed_after_upsampling(self, head, branches):
        with branches.mixed_in(head, (1, 4)) as masks:
            mixed = head.conv_seg(self.features)
        # Features 3, 2.5, 1.5, 1 and 2, 2.75, 4.25, 5 at the four pixels.
        assert masks[0].tolist() == [[[[3., 2.5, 1.5, 1.]],
                                      [[2., 2.75, 4.25, 5.]]]]
        assert mixed.tolist() == [[[[30., -2.5, -1.5, -1.]],
                                   [[20., -2.75, -4.25, -5.]]]]

    def test_the_head_is_itself_again(self, head, branches):
        with pytest.raises(KeyError):
            with branches.mixed_in(head, (1, 2)):
                raise KeyError
        assert torch.equal(head.conv_seg(self.features), 10 * self.features)


class TestDivision:

    def flips(self, model, data):
        """By what the stock segmentor predicts of either image."""
        adversarial = perturb_batch(
            model.attack, model, **data, training=True, normalized=True)
        first, second = (
            torch.stack([x.pred_sem_seg.data[0] for x in model.eval().predict(
                inputs, copy.deepcopy(data['data_samples']))])
            for inputs in (data['inputs'], adversarial.inputs))
        return first != second

    @pytest.mark.parametrize('segmentor', [
        dict(head=HEAD),
        dict(head=head_cfg(align_corners=True)),
        dict(head=head_cfg(num_classes=2, out_channels=1, loss_decode=dict(
            type='CrossEntropyLoss', use_sigmoid=True)))])
    def test_it_is_where_the_prediction_flips(self, segmentor):
        model = make(segmentor=tiny_segmentor(**segmentor))
        data = processed(model, 2, num_classes=min(model.num_classes, 4))
        expected = self.flips(model, copy.deepcopy(data))
        found = model.train().division(**data)
        assert 0 < expected.sum() < expected.numel()
        assert torch.equal(found, expected.long())

    def test_no_attack_no_flip(self):
        model = make(attack=STILL)
        assert not model.train().division(**processed(model)).any()

    def test_the_mask_learns_it_of_clean_images_alone(self):
        model = make()
        choose(model, auxiliary=False)
        data = processed(model)
        part = dict(inputs=data['inputs'][:2],
                    data_samples=data['data_samples'][:2])
        flips = self.flips(model, copy.deepcopy(part))
        losses = loss(model)
        share = flips.sum() / (4 * 32 * 32)  # of pixels of the whole batch
        # Logits 4 and -4 everywhere, also at pixels without a label.
        right, wrong = (F.softplus(torch.tensor(x)) for x in (-8., 8.))
        assert losses['ddcat.loss_mask'].item() == pytest.approx(
            ((1 - share) * right + share * wrong).item(), rel=1e-5)
        assert losses['flip_ratio'] == 100 * flips.float().mean()
        assert losses['mask_ratio'] == 0

    def test_nothing_else_changes(self):
        model = make().train()
        model.backbone.bn1.eval()  # a frozen layer
        model.backbone.conv1.weight.requires_grad_(False)
        before = copy.deepcopy(model.state_dict())
        modes = [m.training for m in model.modules()]
        model.division(**processed(model))
        assert modes == [m.training for m in model.modules()]
        assert [n for n, p in model.named_parameters()
                if not p.requires_grad] == ['backbone.conv1.weight']
        assert all(p.grad is None for p in model.parameters())
        assert all(torch.equal(before[k], v)
                   for k, v in model.state_dict().items())


class TestLoss:

    def test_it_is_that_of_the_head_on_the_mix(self):
        model = make()
        seen = []
        with torch.no_grad():
            model.ddcat_head.mask.weight.normal_()
        model.decode_head.conv_seg.register_forward_pre_hook(
            lambda layer, args: seen.append(args[0]))
        losses = loss(model)
        features = seen[-1]
        branches = model.ddcat_head
        main, other, mask = (
            F.interpolate(branch(features), (32, 32), mode='bilinear')
            for branch in (model.decode_head.conv_seg, branches.auxiliary,
                           branches.mask))
        where = mask.argmax(1)
        assert 0 < where.float().mean() < 1
        labels = labels_of(processed(model))
        expected = F.cross_entropy(
            torch.where(where[:, None] == 1, other, main), labels,
            ignore_index=255, reduction='sum') / labels.numel()
        assert losses['decode.loss_ce'].item() == pytest.approx(
            expected.item(), rel=1e-5)

    def test_without_flips_it_is_adversarial_training_and_the_mask(self):
        losses = []
        for kind in (AdversarialSegmentor, DDCATSegmentor):
            model = twin(kind, attack=STILL)
            if kind is DDCATSegmentor:
                choose(model, auxiliary=False)
            torch.manual_seed(0)  # dropout of the auxiliary head
            losses.append(loss(model))
        plain, own = losses
        assert {name: own[name] for name in plain} == plain
        assert set(own) - set(plain) == {'ddcat.loss_mask', 'flip_ratio',
                                         'mask_ratio'}
        assert own['ddcat.loss_mask'].item() == pytest.approx(
            F.softplus(torch.tensor(-8.)).item(), rel=1e-4)

    @pytest.mark.parametrize('selected_by', ['mask', 'division'])
    def test_every_parameter_always_gets_a_gradient(self, selected_by):
        """Whichever branch is selected, also under autocast."""
        for auxiliary in (False, True):
            model = make(attack=STILL, selected_by=selected_by)
            choose(model, auxiliary)
            with torch.autocast('cpu', torch.bfloat16):
                losses = loss(model)
            model.parse_losses(losses)[0].backward()
            assert all(p.grad is not None for p in model.parameters())
            assert model.backbone.conv1.weight.grad.abs().sum() > 0
            used = auxiliary and selected_by == 'mask'
            for branch, trained in ((model.ddcat_head.auxiliary, used),
                                    (model.decode_head.conv_seg, not used)):
                assert bool(branch.weight.grad.any()) == trained

    def test_the_division_selects_if_asked_to(self):
        model = make(selected_by='division')
        choose(model, auxiliary=False)
        losses = loss(model)
        assert losses['flip_ratio'] > 0
        model.parse_losses(losses)[0].backward()
        assert model.ddcat_head.auxiliary.weight.grad.any()

    @pytest.mark.parametrize('adv_ratio, names', [
        (0, {'acc_clean', 'flip_ratio'}), (1, {'acc_adv'}),
        (.5, {'acc_clean', 'acc_adv', 'flip_ratio'})])
    def test_logs_are_of_the_main_branch_in_training(self, adv_ratio, names):
        """Those of passes of an attack, also on whole batches, are not."""
        logs = []
        for kind in (AdversarialSegmentor, DDCATSegmentor):
            model = twin(kind, adv_ratio=adv_ratio)
            if kind is DDCATSegmentor:
                choose(model, auxiliary=True)
            logs.append(loss(model))
        plain, own = logs
        assert names <= set(own)
        assert ('flip_ratio' in own) == ('flip_ratio' in names)
        assert all(own[name] == plain[name] for name in names & set(plain))
        assert own['mask_ratio'] == 100

    @pytest.mark.parametrize('head', [
        head_cfg(loss_decode=[
            dict(type='CrossEntropyLoss'),
            dict(type='CrossEntropyLoss', loss_name='loss_twice',
                 loss_weight=2., avg_non_ignore=True)]),
        head_cfg(sampler=dict(type='OHEMPixelSampler', thresh=.7,
                              min_kept=100)),
        head_cfg('ASPPHead', dilations=(1, 2)),
        head_cfg('EncHead', in_channels=(16, 32), in_index=(2, 3),
                 num_codes=4, loss_se_decode=dict(
                     type='CrossEntropyLoss', use_sigmoid=True)),
    ], ids=['losses', 'sampler', 'aspp', 'tuple'])
    def test_other_heads(self, head):
        model = make(segmentor=tiny_segmentor(head=head))
        losses = loss(model)
        total, _ = model.parse_losses(losses)
        total.backward()
        assert torch.isfinite(total)
        assert {k.partition('.')[2] for k in losses if 'decode' in k} >= {
            loss.loss_name for loss in model.decode_head.modules()
            if hasattr(loss, 'loss_name')} - {'loss_se'}

    def test_cascade_mixes_the_last_head(self):
        model = make(segmentor=tiny_segmentor(
            type='CascadeEncoderDecoder', num_stages=2,
            decode_head=[head_cfg(), head_cfg('OCRHead', ocr_channels=4)]))
        own = model.ddcat_head.auxiliary
        assert own.in_channels == model.decode_head[1].conv_seg.in_channels
        assert {'decode_0.loss_ce', 'decode_1.loss_ce',
                'ddcat.loss_mask'} <= set(loss(model))

    @pytest.mark.parametrize('name', FAST)
    def test_any_attack(self, name):
        attack = dict(FAST[name], type=name)
        model = make(attack=attack, segmentor=tiny_segmentor())
        losses = loss(model, size=2)
        assert torch.isfinite(model.parse_losses(losses)[0])
        assert 0 <= losses['flip_ratio'] <= 100

    def test_the_attack_of_the_paper_is_the_default(self):
        attack = DDCATSegmentor(tiny_segmentor()).attack
        assert (attack.name, attack.steps, attack.eps) == ('BIM', 3, 0.03)
        segmentor = tiny_segmentor()
        found = perturb_batch(attack, segmentor, **batch())
        same = perturb_batch(
            PGD(eps=.03, alpha=.01, steps=3, random_start=False),
            segmentor, **batch())
        assert all(map(torch.equal, found.adv_images, same.adv_images))


class HalfOverflowingPGD(PGD):
    """Overflows on the clean part of a batch, the second that it sees."""
    calls = 0

    def run(self, *args, **kwargs):
        type(self).calls += 1
        if self.calls % 2 == 0:
            raise FloatingPointError('not finite')
        return super().run(*args, **kwargs)


def test_an_unknown_division_teaches_nothing():
    model = make(attack=HalfOverflowingPGD(steps=1))
    choose(model, auxiliary=False)
    with torch.autocast('cpu', torch.bfloat16):
        losses = loss(model)
    assert 'flip_ratio' not in losses
    # Of the adversarial images alone, whose target is the main branch.
    assert losses['ddcat.loss_mask'].item() == pytest.approx(
        F.softplus(torch.tensor(-8.)).item(), rel=1e-4)
    with pytest.raises(FloatingPointError, match='image_1.png: not finite'):
        loss(model)


class TestRefusals:

    def test_head_without_classifier(self):
        segmentor = tiny_segmentor()
        del segmentor.decode_head.conv_seg
        with pytest.raises(ValueError, match='needs a decode head with the '
                           'classifier layer conv_seg.*FCNHead has not'):
            make(segmentor=segmentor)

    @pytest.mark.parametrize('times', [0, 2])
    def test_classifier_that_does_not_run_once(self, times, monkeypatch):
        model = make()
        classify = model.decode_head.cls_seg
        monkeypatch.setattr(
            model.decode_head, 'cls_seg', lambda x: x[:, :4] if not times
            else classify(x) + classify(x))
        with pytest.raises(ValueError, match='conv_seg of FCNHead must run '
                           f'once in a pass.*ran {times} times'):
            model.train().mixed_loss(**processed(model), num_adv=4)

    def test_unknown_selection(self):
        with pytest.raises(ValueError, match="selected_by must be 'mask' or "
                           "'division', but got 'flips'"):
            make(selected_by='flips')

    def test_unknown_setting(self):
        with pytest.raises(TypeError, match='DDCATSegmentor takes segmentor'):
            make(steps=3)


class TestCheckpoints:

    def test_inference_is_the_stock_segmentors(self):
        model = make().eval()
        stock = tiny_segmentor(head=HEAD, auxiliary=True)
        stock.load_state_dict(model.state_dict(), strict=False)
        data = batch()
        with torch.no_grad():
            for own, theirs in zip(model.test_step(copy.deepcopy(data)),
                                   stock.eval().test_step(data)):
                assert torch.equal(own.seg_logits.data,
                                   theirs.seg_logits.data)

    def test_weights_are_stock_ones_and_branches(self):
        stock = tiny_segmentor(auxiliary=True).state_dict()
        model = make()
        own = model.state_dict()
        branches = [name for name in own if name not in stock]
        assert [name for name in own if name in stock] == list(stock)
        assert branches == [
            f'ddcat_head.{branch}.{part}' for branch in ('auxiliary', 'mask')
            for part in ('weight', 'bias')]
        # A test needs the stock ones, a resumed training all of them.
        check_weights(build(segmentor_cfg(auxiliary=True)), own, 'x.pth')
        check_weights(model, own, 'x.pth', needs_all=True)
        check_weights(model, stock, 'x.pth')
        with pytest.raises(ValueError, match='ddcat_head.auxiliary.weight '
                           'is missing'):
            check_weights(model, stock, 'x.pth', needs_all=True)

    @pytest.mark.parametrize('prefix', ['', 'net.'])
    def test_stock_weights_start_the_branches(self, prefix):
        stock = tiny_segmentor(head=HEAD, auxiliary=True)
        with torch.no_grad():
            stock.decode_head.conv_seg.weight.normal_()
        model = make()
        mask = model.ddcat_head.mask.weight.clone()
        target, source = model, stock
        if prefix:
            target, source = (torch.nn.ModuleDict(dict(net=x))
                              for x in (model, stock))
        state = source.state_dict()
        names = list(state)
        target.load_state_dict(state, strict=True)
        assert list(state) == names
        for part in ('weight', 'bias'):
            assert torch.equal(getattr(model.ddcat_head.auxiliary, part),
                               getattr(stock.decode_head.conv_seg, part))
        assert torch.equal(model.ddcat_head.mask.weight, mask)

    def test_weights_of_other_classes_leave_them_new(self):
        model = make()
        before = copy.deepcopy(model.ddcat_head.state_dict())
        other = tiny_segmentor(head=head_cfg(num_classes=7))
        state = {name: value for name, value in other.state_dict().items()
                 if 'conv_seg' not in name}
        state['decode_head.conv_seg.weight'] = torch.zeros(7, 8, 1, 1)
        with pytest.raises(RuntimeError, match='size mismatch'):
            model.load_state_dict(state, strict=False)
        assert all(torch.equal(before[k], v)
                   for k, v in model.ddcat_head.state_dict().items())

    def test_weights_with_branches_are_loaded(self):
        first, second = make(), make()
        second.load_state_dict(first.state_dict(), strict=True)
        for a, b in zip(first.parameters(), second.parameters()):
            assert torch.equal(a, b)

    def test_init_model_reads_it_with_the_stock_config(self, tmp_path):
        from mmseg.apis import init_model
        model = make(segmentor=tiny_segmentor())
        path = str(tmp_path / 'model.pth')
        torch.save(dict(state_dict=model.state_dict(), meta=dict(
            dataset_meta=dict(classes='abcd'))), path)
        stock = init_model(
            Config(dict(model=segmentor_cfg(), default_scope='mmseg')), path,
            device='cpu')
        inputs = torch.randn(1, 3, 32, 32)
        with torch.no_grad():
            assert torch.equal(stock(inputs), model.eval()(inputs))

    def test_moving_average(self):
        model = make()
        average = ExponentialMovingAverage(model, 0.5)
        with torch.no_grad():
            model.ddcat_head.mask.bias.add_(1)
        average.update_parameters(model)
        average.update_parameters(model)
        other = ExponentialMovingAverage(make(), 0.5)
        other.load_state_dict(average.state_dict(), strict=True)
        assert torch.equal(other.module.ddcat_head.mask.bias,
                           average.module.ddcat_head.mask.bias)

    def test_copies_are_whole_and_separate(self):
        model = make()
        other = copy.deepcopy(model)
        with torch.no_grad():
            other.ddcat_head.mask.bias.add_(1)
        assert not torch.equal(model.ddcat_head.mask.bias,
                               other.ddcat_head.mask.bias)
        assert 'ddcat.loss_mask' in loss(other)

    def test_rules_for_heads_hold(self):
        from mmengine.optim import build_optim_wrapper
        model = make()
        wrapper = build_optim_wrapper(model, dict(
            optimizer=dict(type='SGD', lr=0.01), paramwise_cfg=dict(
                custom_keys=dict(head=dict(lr_mult=10.)))))
        rates = {id(group['params'][0]): group['lr']
                 for group in wrapper.param_groups}
        for name, parameter in model.named_parameters():
            assert rates[id(parameter)] == pytest.approx(
                .01 if name.startswith('backbone') else .1)


class TestRunner:

    def cfg(self, **kwargs):
        return dict(wrapped(dict(type='PGD', steps=1), segmentor_cfg(
            head=HEAD)), type='mmseg_rppgd.DDCATSegmentor', **kwargs)

    def test_a_resumed_training_equals_an_unbroken_one(self, tmp_path):
        def train(name, stop, **kwargs):
            runner = make_runner(tmp_path / name, self.cfg(), max_iters=stop,
                                 **kwargs)
            runner.train()
            return runner.model.state_dict()

        unbroken = train('unbroken', 4)
        train('broken', 2)
        torch.rand(7)  # the global state is elsewhere
        resumed = train('broken', 4, resume=True)
        assert any('ddcat_head' in name for name in resumed)
        assert all(torch.equal(unbroken[k], resumed[k]) for k in unbroken)

    def test_stock_weights_are_trained_from(self, tmp_path):
        stock = make_runner(tmp_path / 'stock', segmentor_cfg(head=HEAD),
                            max_iters=1)
        stock.train()
        runner = make_runner(
            tmp_path / 'own', self.cfg(), max_iters=1,
            load_from=str(tmp_path / 'stock' / 'iter_1.pth'),
            hooks=[dict(type='EMAHook', momentum=.5)],
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.)))
        runner.train()
        given = stock.model.decode_head.conv_seg.weight
        saved = torch.load(tmp_path / 'own' / 'iter_1.pth',
                           weights_only=False)
        for average in ('state_dict', 'ema_state_dict'):
            found = {name.replace('module.', ''): value
                     for name, value in saved[average].items()}
            assert torch.equal(found['ddcat_head.auxiliary.weight'], given)
            assert torch.equal(found['decode_head.conv_seg.weight'], given)
