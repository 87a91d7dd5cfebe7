"""The pages of configs and suites have what the command lists."""
import re
from pathlib import Path

import list_pages
import pytest

from mmseg_rppgd.evaluation.plan import known_suites, make_plan

ROOT = Path(__file__).parents[2]


def test_every_config_is_there_once():
    found = re.findall(r'^\| `mmseg_rppgd::(\S+)` \|', list_pages.configs(),
                       re.M)
    folder = ROOT / 'configs'
    assert sorted(found) == sorted(
        path.relative_to(folder).as_posix()
        for path in folder.glob('[!_]*/*.py'))


@pytest.fixture(scope='module')
def suites():
    """What is below each heading of the page."""
    _, *parts = re.split(r'^## (.+)$', list_pages.suites(), flags=re.M)
    return dict(zip(parts[::2], parts[1::2]))


def test_every_suite_is_there_with_its_rows(suites):
    assert sorted(suites) == known_suites()
    for name, text in suites.items():
        lines = re.findall(r'^\| `', text, re.M)
        assert len(lines) == len(make_plan(name).rows)


def test_rows_have_options_radius_and_steps(suites):
    assert ('| `APGD-SL` | `APGD(pixel_loss=spherical)` | linf | 0.03 | 300 |'
            in suites['reliable'])
    assert '| 8/255 |' in suites['semsegbench']
    assert '`DeepFool`, `DAG`, `ALMAProx`' in suites['minimum-norm']


def test_steps_of_rows_that_share_a_run_count_once(suites):
    assert 'In all 40 steps an image.' in suites['quick']
    # PGD and CosPGD: one run of 100; the other two: 3 + 5 + ... + 100.
    assert 'In all 570 steps an image' in suites['strength']
