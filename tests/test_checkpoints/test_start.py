"""A training starts from weights that are its own, or not at all."""
import pickle

import pytest
import torch
from mmengine.config import Config
from tiny_project import forget_runs
from tiny_runner import make_runner, runner_cfg
from tiny_segmentors import build, head_cfg, segmentor_cfg

from mmseg_rppgd.checkpoints import StartFits, restricted_loading
from mmseg_rppgd.commands import train


def start(work_dir, trust=False, **kwargs):
    """What the command does with its runner."""
    with restricted_loading(trust):
        runner = make_runner(work_dir, max_iters=1, **kwargs)
        runner.register_hook(StartFits(), priority='VERY_HIGH')
        runner.train()
    return runner


def saved(path, model=None, change=None, **more):
    model = model or build(segmentor_cfg())
    state = dict(model.state_dict())
    if change:
        change(state)
    torch.save(dict(state_dict=state, **more), path)
    return str(path)


def test_weights_of_the_model_are_trained_from(tmp_path):
    path = saved(tmp_path / 'x.pth')
    assert start(tmp_path, load_from=path).iter == 1


def test_another_head_may_be_trained(tmp_path):
    path = saved(tmp_path / 'x.pth', build(segmentor_cfg(
        head_cfg(num_classes=7))))
    assert start(tmp_path, load_from=path).iter == 1


@pytest.mark.parametrize('change, message', [
    (lambda state: state['backbone.conv1.weight'].fill_(float('nan')),
     'backbone.conv1.weight holds .* NaN'),
    (dict.clear, 'backbone.conv1.weight is missing'),
    (lambda state: state.update({
        key: state.pop(key)[None] for key in list(state)}),
     'does not fit the backbone.*shape')])
def test_weights_that_are_not_are_refused(change, message, tmp_path):
    path = saved(tmp_path / 'x.pth', change=change)
    with pytest.raises(ValueError, match=f'x.pth.*{message}'):
        start(tmp_path, load_from=path)


def pretrained(checkpoint, **kwargs):
    model = segmentor_cfg()
    model['backbone']['init_cfg'] = dict(
        type='Pretrained', checkpoint=checkpoint, **kwargs)
    return model


def test_weights_of_a_backbone_are_checked_too(tmp_path):
    path = saved(tmp_path / 'x.pth')
    start(tmp_path, model=pretrained(path, prefix='backbone.'))
    with pytest.raises(ValueError, match="ResNet.*set prefix='backbone.'"):
        start(tmp_path, model=pretrained(path))


def test_the_code_of_pretrained_weights_does_not_run(tmp_path, trap, site):
    for model in (pretrained(f'{site}/evil.pth'),
                  segmentor_cfg(init_cfg=dict(
                      type='Pretrained', checkpoint=f'{site}/evil.pth'))):
        with pytest.raises(pickle.UnpicklingError):
            start(tmp_path, model=model)
    assert not trap.has_run


# --------------------------------------------------------------------- resume
@pytest.fixture
def stopped(tmp_path):
    """Work dir of a training that can go on."""
    start(tmp_path)
    return tmp_path


def test_a_training_goes_on(stopped):
    with restricted_loading():
        runner = make_runner(stopped, max_iters=3, resume=True)
        runner.register_hook(StartFits(), priority='VERY_HIGH')
        runner.train()
    assert runner.iter == 3


def change(work_dir, edit):
    path = work_dir / 'iter_1.pth'
    checkpoint = torch.load(path)
    edit(checkpoint)
    torch.save(checkpoint, path)


@pytest.mark.parametrize('edit, message', [
    (lambda c: c['state_dict'].pop('decode_head.conv_seg.bias'),
     'conv_seg.bias is missing'),
    (lambda c: c['state_dict']['decode_head.conv_seg.bias'].fill_(
        float('inf')), 'conv_seg.bias holds'),
    (lambda c: c.pop('message_hub'), "no 'message_hub'.*Leave --resume out"),
    (lambda c: c.pop('meta'), "no 'meta'")])
def test_a_resume_needs_everything(edit, message, stopped):
    change(stopped, edit)
    with pytest.raises(ValueError, match=message):
        start(stopped, resume=True)


def test_a_config_in_a_checkpoint_does_not_run(stopped):
    proof = stopped / 'ran'
    change(stopped, lambda c: c['meta'].update(
        config=f'open({str(proof)!r}, "w")'))
    with restricted_loading():
        make_runner(stopped, max_iters=2, resume=True).train()
    assert not proof.exists()
    make_runner(stopped, max_iters=3, resume=True).train()


def test_mmengine_would_run_it(stopped):
    proof = stopped / 'ran'
    change(stopped, lambda c: c['meta'].update(
        config=f'open({str(proof)!r}, "w")'))
    make_runner(stopped, max_iters=2, resume=True).train()
    assert proof.exists()


# ---------------------------------------------------------------- the command
@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'config.py'
    Config(runner_cfg(tmp_path / 'work', max_iters=1)).dump(path)
    return path


def command(config, *words):
    forget_runs()
    train.main([str(config), '--work-dir', str(config.parent / 'work'),
                *words], 'train')


def test_the_command_runs_no_code(config, trap, site):
    url = f'{site}/evil.pth'
    work = config.parent / 'work'
    work.mkdir()
    (work / 'last_checkpoint').write_text(url)
    for words in (['--resume'], ['--cfg-options', f'load_from={url}'],
                  ['--resume', '--cfg-options', f'load_from={url}']):
        with pytest.raises(SystemExit, match='train: .*asks for eval'):
            command(config, *words)
    assert not trap.has_run


def test_the_command_trusts_when_it_is_told_to(config, trap):
    with pytest.raises(SystemExit, match='does not fit the backbone'):
        command(config, '--trust-checkpoint', '--cfg-options',
                f'load_from={trap.path}')
    assert trap.has_run


def test_the_command_checks_weights(config, tmp_path):
    path = saved(tmp_path / 'x.pth', change=lambda state: state[
        'decode_head.conv_seg.bias'].fill_(float('nan')))
    with pytest.raises(SystemExit, match='conv_seg.bias holds 4 values'):
        command(config, '--cfg-options', f'load_from={path}')


def test_the_last_checkpoint_may_be_gone(config, tmp_path):
    (tmp_path / 'work').mkdir()
    (tmp_path / 'work' / 'last_checkpoint').write_text('no.pth')
    with pytest.raises(SystemExit, match="'no.pth' does not exist"):
        command(config, '--resume')
