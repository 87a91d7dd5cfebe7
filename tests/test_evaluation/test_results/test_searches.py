"""Searches for the smallest perturbation."""
import json

import numpy as np
import pytest

from mmseg_rppgd.evaluation.plan.suites import make_plan
from mmseg_rppgd.evaluation.results.searches import (build_minimal,
                                                     success_curve)


def record(norm, labelled=True):
    return {'norm': norm, 'labelled': labelled, 'seconds': 1.}


def test_an_unreached_image_is_farther_than_any_radius():
    row, = make_plan(minimal=['DeepFool']).minimal
    found = [record(0.02), record(None), record(0.01), record(None, False)]
    attack, = build_minimal([row], [found])['attacks']
    assert (attack['found'], attack['images']) == (2, 3)
    assert attack['median'] == 0.02
    assert attack['success']['percent'][-1] == pytest.approx(200 / 3)


def test_success_is_the_share_that_is_near_enough():
    curve = success_curve([0.01, 0.02, 0.04], 4)
    share = np.interp([0.005, 0.015, 0.03, 0.04], curve['eps'],
                      curve['percent'])
    assert share.tolist() == [0, 25, 50, 75]


def test_nothing_found_has_no_median():
    row, = make_plan(minimal=['DeepFool']).minimal
    attack, = build_minimal([row], [[record(None)]])['attacks']
    assert attack['median'] is None and attack['found'] == 0


def test_command_writes_distances(run_tool, tmp_path, capsys):
    run_tool('--minimal', 'DeepFool(steps=10, threshold=0.2)', '--limit', 3)
    minimal = json.loads(
        (tmp_path / 'report' / 'minimal_norm.json').read_text())
    attack, = minimal['attacks']
    assert attack['images'] == 3 and attack['threshold'] == 0.2
    found = [norm for norm in attack['norms'] if norm is not None]
    assert len(found) == attack['found'] > 0
    assert all(0 <= norm < 1 for norm in found)
    assert (tmp_path / 'report' / 'minimal_norm.md').exists()
    words = 'DeepFool(threshold=0.2) (linf) makes 20 % of the pixels wrong on'
    assert words in (tmp_path / 'report' / 'table.md').read_text()
    assert words in ' '.join(capsys.readouterr().out.split())


def test_crop_surface_has_no_distance(run_tool):
    with pytest.raises(SystemExit, match="'crop' makes no adversarial image"):
        run_tool('--minimal', 'DAG', '--surface', 'crop', '--cfg-options',
                 'model.test_cfg.crop_size=(16,24)',
                 'model.test_cfg.stride=(8,16)')
