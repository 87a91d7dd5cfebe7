"""The command: numbers, files, processes, resume and messages."""
import csv
import json
import math
import shutil
import signal
import subprocess
import time

import pytest
import torch
from killing import kill_all
from tiny_project import command, numbers, run_tool, tiny  # noqa: F401

SHORT = ('--attacks', 'PGD', 'RPPGD', '--steps', 2)
METRICS = {'mIoU', 'aAcc', 'mAcc', 'MisRatio', 'NmIoU', 'CmIoU', 'per_class'}


def stock_test(tiny, work_dir):
    """mmseg's own test of the same model."""
    from mmengine.config import Config
    from mmengine.runner import Runner
    cfg = Config.fromfile(str(tiny / 'config.py'))
    cfg.work_dir = str(work_dir)
    cfg.load_from = str(tiny / 'checkpoint.pth')
    cfg.log_level = 'WARNING'
    return Runner.from_cfg(cfg).test()


# ------------------------------------------------------------------ numbers
def test_clean_row_equals_mmsegs_own_test(tiny, run_tool, tmp_path):
    theirs = stock_test(tiny, tmp_path)
    ours = run_tool('--attacks', 'FGSM')['clean']
    for key in ('mIoU', 'aAcc', 'mAcc'):
        assert ours[key] == pytest.approx(theirs[key], abs=0.01)


def test_attacks_are_ordered_as_their_strength(run_tool):
    results = run_tool('--attacks', 'PGD', '--steps', 1, 40)
    weak, strong = results['attacks']
    assert strong['aAcc'] < weak['aAcc'] < results['clean']['aAcc']
    assert results['worst_case']['aAcc'] <= strong['aAcc']
    assert results['worst_case']['mIoU_greedy'] <= strong['mIoU']


def test_rows_are_attacks_by_eps_by_steps_with_options(run_tool):
    results = run_tool('--attacks', 'BIM', 'BIM(norm=l2, alpha=0.5)',
                       '--eps', '8/255', '0.5', '--steps', 1, 2)
    rows = [(a['threat']['norm'], a['threat']['rms'], a['config']['steps'])
            for a in results['attacks']]
    assert rows == [(norm, pytest.approx(rms), steps)
                    for norm in ('linf', 'l2')
                    for rms in (8 / 255, 0.5) for steps in (1, 2)]
    for attack in results['attacks']:
        size = 1 if attack['threat']['norm'] == 'linf' else 3 * 24 * 40
        assert attack['threat']['eps'] == pytest.approx(
            attack['threat']['rms'] * math.sqrt(size))
        assert attack['max_norm'] <= attack['threat']['eps'] + 1e-6


def test_rows_read_off_one_run_are_those_of_their_own_runs(run_tool,
                                                           tmp_path):
    both = run_tool('--attacks', 'CosPGD', '--steps', 2, 5)
    alone = run_tool('--attacks', 'CosPGD', '--steps', 2,
                     out=tmp_path / 'alone')
    assert numbers(both)['attacks'][:1] == numbers(alone)['attacks']


def test_seed_decides_the_noise(run_tool, tmp_path):
    first, again, other = [
        numbers(run_tool(*SHORT, '--seed', seed, out=tmp_path / name))
        for name, seed in (('a', 1), ('b', 1), ('c', 2))]
    assert first == again
    assert first['attacks'] != other['attacks']


def test_limit_takes_the_first_images(run_tool):
    results = run_tool('--attacks', 'FGSM', '--limit', 2)
    assert results['dataset']['num_images'] == 2


def test_own_hooks_are_dropped_and_wrapped_configs_unwrapped(
        tiny, run_tool, tmp_path):
    plain = run_tool(*SHORT)
    config = tmp_path / 'wrapped.py'
    config.write_text(
        f"_base_ = [{str(tiny / 'config.py')!r}]\n"
        "model = dict(_delete_=True, type='mmseg_rppgd.AdversarialSegmentor',"
        " segmentor=_base_.model, attack=dict(type='RPPGD', steps=3))\n"
        "custom_hooks = [dict(type='mmseg_rppgd.PGDHook', eps=1, steps=1,"
        " stages='test')]\n")
    wrapped = run_tool(*SHORT, config=config, out=tmp_path / 'wrapped')
    assert numbers(wrapped) == numbers(plain)


# -------------------------------------------------------------------- files
def test_results_follow_the_schema(run_tool):
    results = run_tool(*SHORT)
    assert set(results) == {'schema', 'model', 'dataset', 'environment',
                            'clean', 'attacks', 'worst_case', 'checks'}
    assert results['schema'] == 1
    assert set(results['model']) == {'config', 'checkpoint', 'sha256'}
    assert results['dataset'] == {'type': 'BaseSegDataset', 'num_images': 5,
                                  'classes': ['ground', 'wall', 'sky']}
    assert set(results['environment']) == {
        'torch', 'mmengine', 'mmcv', 'mmseg', 'mmseg_rppgd', 'device',
        'seed', 'commit', 'command'}
    assert set(results['clean']) == METRICS
    for attack, name in zip(results['attacks'], ('PGD', 'RPPGD')):
        assert set(attack) == METRICS | {
            'name', 'config', 'threat', 'seconds', 'max_norm', 'nan_count',
            'min', 'max'}
        assert attack['name'] == attack['config']['type'] == name
        assert attack['threat'] == {
            'norm': 'linf', 'eps': 0.03, 'rms': 0.03, 'surface': 'whole',
            'surrogate': None}
        assert attack['MisRatio'] == 100 - attack['aAcc']
        assert set(attack['per_class']) == {'ground', 'wall', 'sky'}
        assert attack['nan_count'] == 0
        assert 0 <= attack['min'] < attack['max'] <= 1
    assert {'aAcc', 'mIoU_greedy', 'members'} <= set(results['worst_case'])


def test_csv_and_markdown_hold_the_same_rows(run_tool, tmp_path):
    results = run_tool(*SHORT)
    with open(tmp_path / 'report' / 'results.csv') as file:
        rows = list(csv.DictReader(file))
    assert [r['name'] for r in rows] == ['clean', 'PGD', 'RPPGD']
    assert float(rows[1]['mIoU']) == results['attacks'][0]['mIoU']
    assert float(rows[2]['IoU.sky']) == results['attacks'][1]['per_class'][
        'sky']
    # The strongest row is bold.
    table = (tmp_path / 'report' / 'table.md').read_text().replace('**', '')
    for name in ('clean', 'PGD', 'RPPGD', 'worst case'):
        assert f'| {name} |' in table


def test_every_ball_has_its_own_worst_case(run_tool, tmp_path):
    results = run_tool('--attacks', 'BIM', 'BIM(norm=l2)', '--eps', '0.01',
                       '0.02', '--steps', 2)
    balls = results['worst_case']['by_ball']
    assert [(b['norm'], b['eps'], b['rms']) for b in balls] == [
        ('linf', 0.01, None), ('linf', 0.02, None),
        ('l2', None, 0.01), ('l2', None, 0.02)]
    # The small ball lies in the large one, linf not in l2.
    assert [len(b['members']) - 1 for b in balls] == [1, 2, 1, 2]
    assert balls[1]['aAcc'] <= balls[0]['aAcc']
    table = (tmp_path / 'report' / 'table.md').read_text()
    assert table.count('| worst case |') == 4


def test_panels_show_the_chosen_images(run_tool, tmp_path):
    from PIL import Image
    run_tool(*SHORT, '--panels', 2)
    panels = sorted((tmp_path / 'report' / 'panels').glob('*.png'))
    assert [p.name[:5] for p in panels] == ['00000', '00000', '00004',
                                            '00004']
    with Image.open(panels[0]) as panel:
        colours = {colour for _, colour in panel.getcolors(1 << 20)}
    assert {(90, 60, 30), (200, 40, 40), (80, 160, 240)} <= colours


# ------------------------------------------------------ processes and resume
def test_two_processes_give_the_numbers_of_one(tiny, run_tool, tmp_path):
    saved = [tmp_path / name for name in ('of_one', 'of_two')]
    one = run_tool(*SHORT, '--save-adv', saved[0])
    argv, env = command(tiny, tmp_path / 'two', *SHORT, '--save-adv',
                        saved[1], processes=2)
    subprocess.run(argv, env=env, check=True, capture_output=True)
    two = json.loads((tmp_path / 'two' / 'results.json').read_text())
    assert numbers(one) == numbers(two)
    images, others = ({path.relative_to(folder): path.read_bytes()
                       for path in folder.rglob('*.npy')} for folder in saved)
    assert len(images) == 2 * 5 and images == others
    manifests = [json.loads((folder / 'manifest.json').read_text())
                 for folder in saved]
    assert manifests[0] == manifests[1] and manifests[0]['complete']


def kill_in_the_middle(argv, env, out):
    """Start a test and kill it, all processes, while it attacks."""
    process = subprocess.Popen(
        argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(2400):
            if list((out / 'per_image').glob('PGD*.jsonl')):
                break
            time.sleep(0.05)
    finally:
        kill_all(process)
    assert list((out / 'per_image').glob('PGD*.jsonl'))
    assert not (out / 'results.json').exists()


LONG = ('--attacks', 'PGD', 'RPPGD', '--steps', 25)


def test_killed_and_resumed_gives_the_same_numbers(tiny, run_tool, tmp_path):
    out = tmp_path / 'killed'
    kill_in_the_middle(*command(tiny, out, *LONG), out)
    resumed = run_tool(*LONG, '--resume', out=out)
    assert numbers(resumed) == numbers(run_tool(*LONG))


def test_two_processes_killed_and_resumed_give_the_same_numbers(
        tiny, run_tool, tmp_path):
    out = tmp_path / 'killed'
    kill_in_the_middle(*command(tiny, out, *LONG, processes=2), out)
    argv, env = command(tiny, out, *LONG, '--resume', processes=2)
    subprocess.run(argv, env=env, check=True, capture_output=True)
    resumed = json.loads((out / 'results.json').read_text())
    assert numbers(resumed) == numbers(run_tool(*LONG))


@pytest.mark.parametrize('number, code', [(signal.SIGINT, 130),
                                          (signal.SIGTERM, 143)])
def test_a_stopped_test_says_how_to_go_on(tiny, tmp_path, number, code):
    out = tmp_path / 'out'
    argv, env = command(tiny, out, '--attacks', 'PGD', '--steps', 2000)
    process = subprocess.Popen(
        argv, env=env, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.default_int_handler))
    deadline = time.time() + 120
    while not list((out / 'per_image').glob('clean.jsonl')):
        assert process.poll() is None and time.time() < deadline
        time.sleep(0.1)
    time.sleep(0.5)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert 'Traceback' not in stderr
    assert '--resume' in stderr.splitlines()[-1]
    assert 'results of single images are kept' in ' '.join(stdout.split())


def test_a_bad_image_is_skipped_on_demand(tiny, run_tool, tmp_path):
    root = tmp_path / 'spoiled'
    shutil.copytree(tiny, root)
    config = (root / 'config.py').read_text()
    (root / 'config.py').write_text(config.replace(str(tiny), str(root)))
    (root / 'images' / '2.png').write_text('no image')
    words = ('--attacks', 'FGSM')
    with pytest.raises(SystemExit, match=(
            r'images/2.png is no image, or is cut off\. .*--skip-bad')):
        run_tool(*words, config=root / 'config.py')
    results = run_tool(*words, '--resume', '--skip-bad',
                       config=root / 'config.py')
    assert results['dataset']['num_images'] == 4
    assert '2.png is no image' in (
        tmp_path / 'report' / 'table.md').read_text()


def test_a_finished_test_resumes_without_attacking(run_tool):
    first = run_tool(*SHORT)
    again = run_tool(*SHORT, '--resume')
    assert again['attacks'] == first['attacks']  # the seconds too


@pytest.mark.parametrize('words, message', [
    (('--seed', 5), 'seed was 0 and is 5'),
    (('--limit', 2), 'images was 5 and is 2'),
    (('--eps', 0.02), 'rows.PGD eps=0.03 steps=2 was there'),
    (('--cfg-options', 'model.test_cfg.mode=slide',
      'model.test_cfg.crop_size=(16,16)', 'model.test_cfg.stride=(8,8)'),
     'config.model was'),
])
def test_changed_settings_are_refused(words, message, run_tool):
    run_tool(*SHORT)
    with pytest.raises(SystemExit, match='cannot resume') as error:
        run_tool(*SHORT, '--resume', *words)
    assert message in str(error.value)


# ----------------------------------------------------------------- messages
@pytest.mark.parametrize('words, message', [
    (('--attacks', 'PDG'), "unknown attack 'PDG'.*did you mean PGD.*CosPGD"),
    (('--attacks', 'PGD', '--eps', '8'), r'eps must be in \[0, 1\].*8/255'),
    (('--attacks', 'PGD(step=1)'), "PGD has no option 'step'"),
    (('--suite', 'quickest'), "unknown suite 'quickest'.*quick"),
    (('--surface', 'slide'), "needs crop_size and stride"),
    (('--surface', 'crop'), "needs crop_size and stride"),
    (('--attacks', 'RPPGD(feature_layer=neck)'), "feature_layer 'neck'"),
    (('--cfg-options', 'model.decode_head.num_classes=4'),
     r'does not fit.*conv_seg.weight has the shape \(3, 8, 1, 1\)'),
    (('--cfg-options', 'test_dataloader=None'), 'test_dataloader must be'),
])
def test_bad_input_gets_one_sentence(words, message, run_tool, tmp_path):
    with pytest.raises(SystemExit, match=message) as error:
        run_tool(*words)
    assert str(error.value).startswith('robust_test.py: ')
    left_nothing(tmp_path)


def left_nothing(folder):
    """A refused test has made no report, no log and no work dir."""
    assert not list(folder.iterdir())


def test_missing_checkpoint_is_named(run_tool, tmp_path):
    with pytest.raises(SystemExit, match="checkpoint 'no.pth' does not exist"):
        run_tool(checkpoint='no.pth')
    left_nothing(tmp_path)


@pytest.mark.parametrize('content, message', [
    (b'no checkpoint at all', 'robust_test.py: '),
    (b'', 'robust_test.py: '),
    (None, 'must hold a dict of weights, but holds a list'),
])
def test_what_is_no_checkpoint_gets_one_sentence(run_tool, tmp_path, content,
                                                 message):
    file = tmp_path / 'broken.pth'
    if content is None:
        torch.save([1, 2], file)
    else:
        file.write_bytes(content)
    with pytest.raises(SystemExit, match=message):
        run_tool(checkpoint=file)


def test_report_folder_below_a_file_is_one_sentence(run_tool, tiny):
    with pytest.raises(SystemExit, match='robust_test.py: .*config.py'):
        run_tool(out=tiny / 'config.py' / 'report')


def test_missing_config_is_named(run_tool):
    with pytest.raises(SystemExit, match="config 'no.py' does not exist"):
        run_tool(config='no.py')


@pytest.mark.parametrize('words, message', [
    (('--tta', ), '--tta cannot be attacked'),
    (('--limit', 0), '--limit must be at least 1'),
    (('--seed', -1), '--seed must be >= 0'),
    (('--check-images', -1), '--check-images must be >= 0'),
    (('--panels', -1), '--panels must be >= 0'),
])
def test_impossible_options_are_refused(words, message, run_tool, capsys):
    with pytest.raises(SystemExit):
        run_tool(*words)
    assert message in capsys.readouterr().err


def test_label_outside_the_classes_names_file_and_value(tiny, run_tool,
                                                        tmp_path):
    import cv2
    import numpy as np
    (tmp_path / 'labels').mkdir()
    for i in range(5):
        cv2.imwrite(str(tmp_path / 'labels' / f'{i}.png'),
                    np.full((30, 44), 9, np.uint8))
    with pytest.raises(SystemExit, match=r'0\.png.*\[0, 3\).*got 9'):
        run_tool('--cfg-options', 'test_dataloader.dataset.data_prefix.'
                 f'seg_map_path={tmp_path / "labels"}')


# ------------------------------------------------------------------ surface
SLIDE = ('--cfg-options', 'model.test_cfg.mode=slide',
         'model.test_cfg.crop_size=(16,24)', 'model.test_cfg.stride=(8,16)')


def test_surface_is_that_of_the_model_unless_chosen(run_tool, tmp_path,
                                                    capsys):
    for i, (words, surface) in enumerate([
            ((), 'slide'), (('--surface', 'whole'), 'whole')]):
        results = run_tool(*SHORT, *words, *SLIDE, out=tmp_path / str(i))
        assert results['attacks'][0]['threat']['surface'] == surface
        assert f'attacked: {surface}' in capsys.readouterr().out


def test_crop_surface_says_that_it_is_not_one_image(run_tool, capsys):
    results = run_tool('--attacks', 'PGD', 'BIM(norm=l2)', '--steps', 1, 2,
                       '--surface', 'crop', *SLIDE)
    assert 'not one adversarial image' in capsys.readouterr().out
    linf, l2 = results['attacks'][0], results['attacks'][2]
    assert linf['threat']['surface'] == 'crop' and linf['max_norm'] < 0.0301
    window = 3 * 16 * 24  # an l2 ball is that of a window
    assert l2['threat']['eps'] == pytest.approx(0.03 * math.sqrt(window))
    assert l2['threat']['rms'] == pytest.approx(0.03)
