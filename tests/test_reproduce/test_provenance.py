"""Where the numbers of a page come from."""
from dataclasses import replace

from tiny_experiments import FULL, MINI, Measurement, defences, measured

from mmseg_rppgd.reproduce.provenance import provenance


def by_seed(cell, seed):
    return 1. + seed


def section(scale=MINI, seeds=2, command='python -m mmseg_rppgd x'):
    experiment = defences()
    return provenance(experiment, scale,
                      measured(experiment, scale, by_seed, seeds), command)


def test_command_seeds_commits_devices_versions_and_images():
    lines = section().splitlines()
    assert lines[0] == '## Provenance'
    for line in ('- Command: `python -m mmseg_rppgd x`', '- Scale: mini',
                 '- Images: 8 of SyntheticShapes', '- Seeds: 0, 1',
                 f'- Commit of training: {"a" * 40}; of measurement: '
                 f'{"b" * 40}',
                 '- Device of training: cpu; of measurement: cpu',
                 '- Versions: torch 2.13.0; mmengine 0.10.7; mmcv 2.1.0; '
                 'mmseg 1.2.2; mmseg_rppgd 0.1.0'):
        assert line in lines


def test_every_training_has_its_command_and_checkpoint():
    rows = [line for line in section().splitlines() if '/' in line
            and line.startswith('|')]
    assert len(rows) == 8  # 4 systems x 2 seeds
    assert rows[1] == (
        '| PSPNet/Standard/SyntheticShapes | 1 | `111111111111` | `python -m '
        'mmseg_rppgd train pspnet_standard_r18-d8_1xb16-800_synthetic-shapes-'
        '64x64.py --cfg-options randomness.seed=1` |')
    full = [line for line in section(FULL, 1).splitlines() if '/VOC' in line]
    assert len(full) == 4


def test_different_commits_and_machines_are_all_named():
    experiment = defences()
    values = measured(experiment, MINI, by_seed)
    cell = experiment.cells[0]
    old = values[cell][0]
    other = dict(old.source['environment'], commit='c' * 40, torch='2.6.0',
                 device='cuda:0 (Some GPU)')
    values[cell] = [replace(old, source=dict(
        old.source, folder='elsewhere', environment=other))]
    text = provenance(experiment, MINI, values, 'x')
    assert f'of measurement: {"c" * 40}, {"b" * 40}' in text
    assert 'of measurement: cuda:0 (Some GPU), cpu' in text
    assert 'torch 2.13.0, 2.6.0' in text


def test_weights_of_unknown_training_have_a_dash():
    experiment = defences()
    values = {cell: [Measurement(m.value, m.seed,
                                 dict(m.source, training=None))
                     for m in found] for cell, found in measured(
        experiment, MINI, by_seed).items()}
    text = provenance(experiment, MINI, values, 'x')
    assert '- Commit of training: -; of measurement: b' in text
    assert '| PSPNet/PGD3-AT/SyntheticShapes | 0 | `000000000000` | - |' in (
        text)
