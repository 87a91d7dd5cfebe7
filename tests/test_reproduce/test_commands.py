"""The commands that train and measure what experiments need."""
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_experiments import DEEPLAB, PSP, strategies, transfer

from mmseg_rppgd.commands import train
from mmseg_rppgd.config import load_config
from mmseg_rppgd.reproduce import SCALES, System
from mmseg_rppgd.reproduce.commands import (batch_size, reproduce_command,
                                            systems_of, training_command,
                                            training_words)

ROOT = Path(__file__).parents[2]
FULL, MINI = SCALES['full'], SCALES['mini']


def names(systems):
    return [str(system) for system in systems]


def test_systems_are_those_measured_and_their_surrogates():
    assert names(systems_of([strategies(), transfer()], FULL)) == [
        'PSPNet/Standard/VOC', 'PSPNet/RP-PGD3-AT/VOC',
        'DeepLabv3/CosPGD3-AT/VOC', 'PSPNet/PGD3-AT/VOC']


def test_standard_models_come_first_where_others_start_from_them():
    assert names(systems_of([transfer()], MINI)) == [
        'DeepLabv3/Standard/SyntheticShapes',
        'PSPNet/Standard/SyntheticShapes',
        'DeepLabv3/CosPGD3-AT/SyntheticShapes',
        'PSPNet/PGD3-AT/SyntheticShapes']


def test_training_on_several_gpus():
    stem = 'pspnet_rppgd3-at_r50-d8_4xb4-40k_voc12aug-512x512'
    assert training_command(
        FULL, System(PSP, 'RP-PGD3-AT', 'VOC'), 2, 'out') == [
            'torchrun', '--standalone', '--nproc_per_node=4',
            '-m', 'mmseg_rppgd', 'train',
            f'mmseg_rppgd::rppgd3_at/{stem}.py',
            '--work-dir', f'out/trained/{stem}/seed2', '--resume',
            '--launcher', 'pytorch', '--cfg-options', 'randomness.seed=2']


def test_training_of_one_process_from_the_standard_model():
    words = training_command(
        MINI, System(PSP, 'PGD3-AT', 'SyntheticShapes'), 1, 'out')
    assert words[:4] == ['python', '-m', 'mmseg_rppgd', 'train']
    # mmengine would go on from load_from instead of starting with it.
    assert '--resume' not in words and '--launcher' not in words
    assert words[-3:] == [
        '--cfg-options', 'randomness.seed=1',
        'load_from=out/trained/pspnet_standard_r18-d8_1xb16-800_'
        'synthetic-shapes-64x64/seed1/iter_800.pth']


@pytest.mark.parametrize('scale, data', [
    (FULL, 'VOC'), (MINI, 'SyntheticShapes'), (SCALES['camvid'], 'CamVid')])
@pytest.mark.parametrize('strategy', ['Standard', 'PGD7-AT', 'CosPGD3-AT'])
def test_the_command_takes_the_words_and_the_config_exists(
        strategy, scale, data):
    words = training_words(scale, System(DEEPLAB, strategy, data), 0, 'out',
                           launcher='slurm')
    args = train.parser().parse_args(words[3:])
    cfg = load_config(args.config, args.cfg_options)
    assert (args.launcher, cfg.randomness.seed) == ('slurm', 0)
    assert bool(cfg.get('load_from')) == (strategy != 'Standard'
                                          and scale.warm)


def test_another_number_of_gpus_keeps_the_whole_batch():
    system = System(PSP, 'PGD3-AT', 'VOC')  # 4 GPUs of 4 images
    assert batch_size(FULL, system, None) == 4
    words = training_command(FULL, system, 0, 'out', gpus=8)
    assert '--nproc_per_node=8' in words
    assert words[-1] == 'train_dataloader.batch_size=2'
    assert training_command(FULL, system, 0, 'out', gpus=1)[-1] == (
        'train_dataloader.batch_size=16')


@pytest.mark.parametrize('gpus', [3, 32])
def test_gpus_that_do_not_divide_the_batch_are_refused(gpus):
    with pytest.raises(ValueError, match='^gpus must divide the batch of 16 '
                       f'images of mmseg::pspnet/.*, but got {gpus}$'):
        batch_size(FULL, System(PSP, 'Standard', 'VOC'), gpus)


def test_gpus_that_change_the_share_of_attacked_images_are_refused():
    # A single image would be adversarial in every batch.
    with pytest.raises(ValueError, match='a batch of which 0.5 can be '
                       'attacked, but with 16 it is of 1'):
        batch_size(FULL, System(PSP, 'PGD3-AT', 'VOC'), 16)
    assert batch_size(FULL, System(PSP, 'Standard', 'VOC'), 16) == 1


def test_a_system_is_measured_for_the_experiments_that_have_it():
    both = [strategies(), transfer()]
    assert reproduce_command(
        both, FULL, 3, 'out', System(DEEPLAB, 'CosPGD3-AT', 'VOC')) == [
            'python', '-m', 'mmseg_rppgd', 'reproduce', 'transfer',
            '--scale', 'full', '--seeds', '3', '--out', 'out',
            '--systems', 'DeepLabv3/CosPGD3-AT/VOC']
    assert reproduce_command(both, FULL, 3, 'out')[4:6] == [
        'strategies', 'transfer']


def test_two_processes_train(tmp_path):
    """One iteration, by the very words, in two processes without a GPU."""
    system = System(PSP, 'PGD3-AT', 'SyntheticShapes')
    words = training_words(MINI, system, 5, str(tmp_path), gpus=2,
                           launcher='pytorch')
    assert 'train_dataloader.batch_size=8' in words
    words.remove(next(word for word in words if 'load_from' in word))
    words += ['train_cfg.max_iters=1', 'train_cfg.val_interval=2',
              'train_dataloader.batch_size=2',
              'train_dataloader.num_workers=0',
              'train_dataloader.persistent_workers=False',
              'default_hooks.checkpoint.interval=1']
    result = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--standalone',
         '--nproc_per_node=2', *words], cwd=tmp_path, text=True,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        capture_output=True)
    assert result.returncode == 0, result.stderr[-3000:]
    folder = tmp_path / 'trained' / MINI.stem(system) / 'seed5'
    assert (folder / 'iter_1.pth').is_file()
    assert '"seed": 5' in (folder / 'training.json').read_text()
