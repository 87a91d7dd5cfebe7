"""Adversarial training in two processes on a CPU (gloo)."""
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny_runner import make_runner
from tiny_segmentors import segmentor_cfg
from two_processes import CASES

from mmseg_rppgd.hooks import RobustValHook
from mmseg_rppgd.metrics import mean_iou

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('two_processes')
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = str(probe.getsockname()[1])
    processes = []
    for rank in ('0', '1'):
        env = dict(
            os.environ, RANK=rank, LOCAL_RANK=rank, WORLD_SIZE='2',
            MASTER_ADDR='127.0.0.1', MASTER_PORT=port, OMP_NUM_THREADS='1',
            PYTHONPATH=os.pathsep.join([str(TESTS), str(TESTS.parent)]))
        processes.append(subprocess.Popen(
            [sys.executable, str(TESTS / 'two_processes.py'), str(work_dir)],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
    try:
        outputs = [p.communicate(timeout=240)[0] for p in processes]
    finally:
        for process in processes:
            process.kill()
    for process, output in zip(processes, outputs):
        assert process.returncode == 0, output.decode()[-3000:]
    return [torch.load(work_dir / f'rank{rank}.pt', weights_only=False)
            for rank in (0, 1)]


@pytest.mark.parametrize('case', CASES)
def test_parameters_are_identical_across_ranks(ranks, case):
    first, second = (rank[case]['state'] for rank in ranks)
    names = [name for name in first if 'running' not in name]
    assert all(torch.equal(first[name], second[name]) for name in names)


@pytest.mark.parametrize('case', CASES)
def test_nothing_is_reduced_inside_an_attack(ranks, case):
    for rank in ranks:
        counts = rank[case]['reductions']
        # DDC-AT attacks the clean part of a batch as well.
        assert counts['attacks'] == (6 if 'ddcat' in case else 3)
        assert counts['inside_attacks'] == 0
        assert counts['count'] >= 3


def test_each_rank_attacks_its_own_images(ranks):
    first, second = (rank['hook-False']['mis_ratio'] for rank in ranks)
    assert first != second


@pytest.mark.parametrize('find_unused', [False, True])
def test_hook_and_wrapper_train_the_same_weights(ranks, find_unused):
    hook, wrapper = (ranks[0][f'{kind}-{find_unused}']['state']
                     for kind in ('hook', 'wrapper'))
    assert list(hook) == list(wrapper)
    assert all(torch.equal(hook[name], wrapper[name]) for name in hook)


def test_robust_validation_agrees(ranks, tmp_path):
    case = 'hook-False'
    assert ranks[0][case]['robust'] == ranks[1][case]['robust']
    assert ranks[0][case]['best'] == ranks[0][case]['robust'][0]


def test_robust_validation_counts_every_image_once(ranks, tmp_path):
    """The ranks' statistics differ, so one process measures rank by rank."""
    case = 'wrapper-False'
    expected = 0
    for rank in (0, 1):
        runner = make_runner(tmp_path, segmentor_cfg(auxiliary=True))
        runner.model.load_state_dict(ranks[rank][case]['state'])
        runner.model.eval()
        hook = RobustValHook(dict(type='PGD', steps=1), num_images=3)
        expected = expected + hook.counts(runner, rank, 2)
    assert mean_iou(expected.numpy()) == pytest.approx(
        ranks[0][case]['robust'][0])
