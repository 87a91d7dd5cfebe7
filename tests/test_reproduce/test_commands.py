"""The commands that train and measure what experiments need."""
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_work import DEEPLAB, PSP, cell, strategies, transfer, work

from mmseg_rppgd.commands import train
from mmseg_rppgd.commands.words import read_settings
from mmseg_rppgd.config import load_config
from mmseg_rppgd.reproduce import Experiment, System
from mmseg_rppgd.reproduce.commands import Commands

ROOT = Path(__file__).parents[2]
VOC_STEM = 'pspnet_rppgd3-at_r50-d8_4xb4-40k_voc12aug-512x512'
RPPGD = System(PSP, 'RP-PGD3-AT', 'VOC')
SMALL = System(PSP, 'PGD3-AT', 'SyntheticShapes')


def names(systems):
    return [str(system) for system in systems]


def test_systems_are_those_measured_and_what_they_need():
    commands = Commands([strategies(), transfer()], work())
    assert names(commands.systems) == [
        'PSPNet/RP-PGD3-AT/VOC', 'PSPNet/Standard/VOC', 'PSPNet/PGD3-AT/VOC',
        'DeepLabv3/CosPGD3-AT/VOC']
    assert names(commands.measured()) == [
        'PSPNet/RP-PGD3-AT/VOC', 'PSPNet/Standard/VOC',
        'DeepLabv3/CosPGD3-AT/VOC']


def test_systems_may_be_chosen():
    commands = Commands([strategies(), transfer()],
                        work(systems=['PSPNet/Standard']))
    assert names(commands.systems) == ['PSPNet/Standard/VOC']


def test_training_on_several_gpus():
    commands = Commands([strategies()], work(seeds=3))
    assert commands.training_here(RPPGD, 2) == [
        'torchrun', '--standalone', '--nproc_per_node=4',
        '-m', 'mmseg_rppgd', 'train', f'mmseg_rppgd::rppgd3_at/{VOC_STEM}.py',
        '--work-dir', f'out/trained/{VOC_STEM}/seed2', '--resume',
        '--launcher', 'pytorch', '--cfg-options', 'randomness.seed=2']


def test_training_of_one_process_from_the_standard_model():
    commands = Commands([transfer()], work('mini', 2))
    words = commands.training_here(SMALL, 1)
    assert words[:4] == ['python', '-m', 'mmseg_rppgd', 'train']
    # mmengine would go on from load_from instead of starting with it.
    assert '--resume' not in words and '--launcher' not in words
    assert words[-3:] == [
        '--cfg-options', 'randomness.seed=1',
        'load_from=out/trained/pspnet_standard_r18-d8_1xb16-800_'
        'synthetic-shapes-64x64/seed1/iter_800.pth']


@pytest.mark.parametrize('scale', ['full', 'mini', 'camvid'])
def test_the_command_takes_the_words_and_the_config_exists(scale):
    commands = Commands([Experiment('some', 'Some', tuple(
        cell(strategy, 'PGD', 10)
        for strategy in ('Standard', 'PGD7-AT', 'DDC-AT')))], work(scale))
    assert len(commands.systems) == 3
    for system in commands.systems:
        words = commands.training(system, 0, 'slurm')
        args = train.parser().parse_args(words[3:])
        cfg = load_config(args.config, read_settings(args.cfg_options))
        assert (args.launcher, cfg.randomness.seed) == ('slurm', 0)
        assert bool(cfg.get('load_from')) == (
            system.strategy != 'Standard' and scale != 'full')


def test_another_number_of_gpus_keeps_the_whole_batch():
    words = Commands([strategies()], work(), gpus=8).training_here(RPPGD, 0)
    assert '--nproc_per_node=8' in words  # the config has 4 with 4 images
    assert words[-1] == 'train_dataloader.batch_size=2'
    words = Commands([strategies()], work(), gpus=1).training_here(RPPGD, 0)
    assert words[0] == 'python'
    assert words[-1] == 'train_dataloader.batch_size=16'


@pytest.mark.parametrize('gpus', [3, 32])
def test_gpus_that_do_not_divide_the_batch_are_refused(gpus):
    with pytest.raises(ValueError, match='^gpus must divide the batch of 16 '
                       f'images of mmseg_rppgd::.*, but got {gpus}$'):
        Commands([strategies()], work(), gpus)


def test_gpus_that_change_the_share_of_attacked_images_are_refused():
    # A single image would be adversarial in every batch.
    with pytest.raises(ValueError, match='a batch of which 0.5 can be '
                       'attacked, but with 16 it is of 1'):
        Commands([strategies()], work(), 16)
    alone = Commands([strategies()], work(systems=['PSPNet/Standard']), 16)
    assert alone.batch_size(System(PSP, 'Standard', 'VOC')) == 1


@pytest.mark.parametrize('gpus', [0, 2.5])
def test_gpus_are_a_positive_number(gpus):
    with pytest.raises((ValueError, TypeError), match='^gpus must be'):
        Commands([strategies()], work(), gpus)


def test_experiments_without_numbers_are_refused():
    with pytest.raises(ValueError, match='measure, but empty has none'):
        Commands([Experiment('empty', 'Empty', ())], work())


def test_a_system_is_measured_for_the_experiments_that_have_it():
    commands = Commands([strategies(), transfer()], work(seeds=3))
    assert commands.measuring(System(DEEPLAB, 'CosPGD3-AT', 'VOC')) == [
        'python', '-m', 'mmseg_rppgd', 'reproduce', 'transfer',
        '--scale', 'full', '--seeds', '3', '--out', 'out', '--run',
        '--systems', 'DeepLabv3/CosPGD3-AT/VOC']
    assert commands.tables() == [
        'python', '-m', 'mmseg_rppgd', 'reproduce', 'strategies', 'transfer',
        '--scale', 'full', '--seeds', '3', '--out', 'out', '--run']


def test_settings_go_to_trainings_and_measurements():
    settings = {'data_root': 'my data', 'train_cfg.max_iters': 7}
    commands = Commands([strategies()], work(settings=settings))
    for words in (commands.training(RPPGD, 0), commands.measuring(RPPGD),
                  commands.tables()):
        assert words[-2:] == ['data_root=my data', 'train_cfg.max_iters=7']
    assert commands.finished(RPPGD, 0)[2] == 'iter_7.pth'


def test_two_processes_train(tmp_path):
    """One iteration, by the very words, in two processes without a GPU."""
    settings = {
        'train_cfg.max_iters': 1, 'train_cfg.val_interval': 2,
        'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False,
        'default_hooks.checkpoint.interval': 1}
    commands = Commands([transfer()],
                        work('mini', out=tmp_path, settings=settings), 2)
    system = System(PSP, 'Standard', 'SyntheticShapes')
    words = commands.training_here(system, 0)
    assert words[0] == 'torchrun'
    assert subprocess.run(commands.finished(system, 0)).returncode != 0
    result = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', *words[1:],
         'train_dataloader.batch_size=2'], cwd=tmp_path, text=True,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        capture_output=True)
    assert result.returncode == 0, result.stderr[-3000:]
    assert subprocess.run(commands.finished(system, 0)).returncode == 0
    assert commands.work.checkpoint(system, 0) is not None
