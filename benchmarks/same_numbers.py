"""Do two commits give the same numbers? Record both, then compare.

Runs tools/robust_test.py of a checkout, by its flags alone, on a tiny
project: the attacks, norms, surfaces, suites, searches, other models,
processes and resumed tests whose numbers a restructuring must not change.

    python benchmarks/same_numbers.py record BEFORE --root OLD_CHECKOUT
    python benchmarks/same_numbers.py record AFTER --root NEW_CHECKOUT
    python benchmarks/same_numbers.py compare BEFORE AFTER

Both records must use one --project, on one machine: the weights in it are
trained once. Everything is on the CPU with one thread, where numbers repeat
bit for bit. Adversarial images of surrogates and matrices are compared too,
by their digests, since metrics that count pixels may hide a last bit.
"""
import argparse
import csv
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tests'))

from killing import kill_all  # noqa: E402

REPORTS = ('results.json', 'results.csv', 'transfer.json',
           'minimal_norm.json')
IMAGES = 'adversaries.json'
SUMMARY = 'record.json'
FAILURE = 'failed.txt'
PROJECT = os.path.join(tempfile.gettempdir(), 'mmseg_rppgd_same_numbers')
# What may differ between two runs of one commit.
IGNORED = ('seconds', 'environment', 'command')
PATHS = ('config', 'checkpoint', 'surrogate')  # where they are strings
PROSE = ('detail', )  # whose numbers count, not its words
NUMBER = re.compile(r'(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])')
ABSENT = '(absent)'
LONGEST = 160  # characters that are shown of a value
START_SECONDS = 120  # until a test that is to be killed has begun

SUITE = '''
robustness = dict(
    eps=[0.02, '8/255'],
    steps=[3],
    trace=True,
    attacks=[
        dict(attack=dict(type='PGD', alpha=0.01), name='Start at noise'),
        dict(attack=dict(type='CosPGD'), steps=[2, 4]),
        dict(attack=dict(type='SegPGD', keep='best')),
        dict(attack=dict(type='RPPGD'), eps=[0.03], steps=[2, 5]),
        dict(attack=dict(type='RPPGD', pixel_weights='cosine', beta=0.5,
                         region_norm='region'), name='Region means'),
        dict(attack=dict(type='BIM', norm='l2'), name='l2-BIM'),
        dict(attack=dict(type='RPPGD', norm='l2'), trace=False),
        dict(attack=dict(type='APGD', steps=9), steps=[9], eps=[0.03]),
    ],
    minimal=[dict(type='DeepFool', steps=5, threshold=0.2)])
'''


class Setting(NamedTuple):
    """One test that is recorded.

    Args:
        words (tuple[str]): Flags; {project} and {cache} are filled in.
        config (str): File in the project. Defaults to 'config.py'.
        processes (int): Defaults to 1.
        kill (bool): Whether to kill it in the middle and resume it.
            Defaults to False.
    """
    words: Tuple[str, ...]
    config: str = 'config.py'
    processes: int = 1
    kill: bool = False


OTHER = ('{project}/config.py', '{project}/other.pth')
SLIDING = ('{project}/sliding.py', '{project}/other.pth')
CACHE = ('--cache', '{cache}')
SLIDE = ('--cfg-options', 'model.test_cfg.mode=slide',
         'model.test_cfg.crop_size=(16,24)', 'model.test_cfg.stride=(8,16)')
ENSEMBLE = ("EnsembleAttack(attacks=[{'type': 'PGD', 'steps': 2}, "
            "{'type': 'CosPGD', 'steps': 3}, {'type': 'BIM', 'steps': 2}])")
SMALL = ('--attacks', 'PGD', 'RPPGD', '--steps', '3')
KILLED = ('--attacks', 'PGD', 'RPPGD', '--steps', '30')

SETTINGS = {
    'ascent': Setting((
        '--attacks', 'PGD', 'BIM', 'SegPGD', 'CosPGD', 'RPPGD',
        'RPPGD(region_weights=(1,0.5,0.1))', 'RPPGD(beta=1, regions=TB)',
        'RPPGD(prototype_regions=TF, init_state=start)', 'FGSM', 'MIFGSM',
        'MIFGSM(diversity=0.5)', '--eps', '0.03', '8/255', '--steps', '2',
        '5')),
    'other-updates': Setting((
        '--attacks', 'APGD', 'APGD(pixel_loss=js, pixel_weights=None)',
        'PAdam', 'PAdam(pixel_loss=cosine)', 'CW', 'CW(norm=l2)', 'DeepFool',
        'ALMAProx', 'DAG', ENSEMBLE, '--eps', '0.03', '8/255', '--steps',
        '7')),
    'restarts-and-best': Setting((
        '--attacks', 'PGD(restarts=2)', 'RPPGD(restarts=2)', 'PGD(keep=best)',
        'SegPGD(keep=best)', 'RPPGD(keep=best)',
        'CosPGD(restarts=3, keep=best)', 'APGD(restarts=2)', '--steps', '2',
        '5')),
    'l2': Setting((
        '--attacks', 'BIM(norm=l2)', 'PGD(norm=l2, eps=2)',
        'RPPGD(norm=l2, eps=1.5, alpha=0.5)', 'MIFGSM(norm=l2)',
        'APGD(norm=l2)', 'PGD(norm=l2, restarts=2)', '--steps', '2', '5')),
    'l2-two-eps': Setting((
        '--attacks', 'BIM', 'BIM(norm=l2)', 'CW(norm=l2)', '--eps', '0.01',
        '0.5', '--steps', '3')),
    'suite-file': Setting(('--suite', '{project}/suite.py')),
    'suite-reliable': Setting(('--suite', 'reliable-mini', '--limit', '3'),
                              config='counted.py'),
    'suite-quick': Setting(('--steps', '3')),
    'surrogate': Setting((
        '--attacks', 'PGD', 'RPPGD', 'MIFGSM(diversity=0.5)', 'BIM(norm=l2)',
        '--steps', '3', '--surrogate', *OTHER, *CACHE, '--check-images',
        '2')),
    'matrix': Setting((
        '--attacks', 'PGD', 'BIM', 'CosPGD', 'RPPGD', 'SegPGD(keep=best)',
        'RPPGD(region_weights=(1,0.5,0.1))', 'PGD(restarts=2)', 'FGSM',
        'MIFGSM(diversity=0.5)', 'APGD', 'PAdam', 'CW', 'CW(norm=l2)',
        'DeepFool', 'ALMAProx', 'DAG', 'PGD(norm=l2)', 'RPPGD(norm=l2)',
        ENSEMBLE, '--steps', '3', '5', '--matrix', *OTHER, *CACHE)),
    'matrix-and-surrogate': Setting((
        '--attacks', 'PGD', 'RPPGD', '--steps', '3', '--surrogate', *OTHER,
        '--matrix', *SLIDING, *CACHE)),
    'matrix-of-surfaces': Setting((
        *SMALL, '--matrix', *OTHER, '--matrix', *SLIDING, *CACHE)),
    'slide': Setting((
        '--attacks', 'PGD', 'RPPGD', 'BIM(norm=l2)', 'MIFGSM(diversity=0.5)',
        'DeepFool', '--steps', '3', '--matrix', *SLIDING, *CACHE, *SLIDE)),
    'slide-attacked-whole': Setting((*SMALL, '--surface', 'whole', *SLIDE)),
    'whole-attacked-by-slide': Setting((
        *SMALL, '--surface', 'slide', '--cfg-options',
        'model.test_cfg.crop_size=(16,24)', 'model.test_cfg.stride=(8,16)')),
    'crop': Setting((
        '--attacks', 'PGD', 'RPPGD', 'BIM(norm=l2)', '--steps', '2', '4',
        '--surface', 'crop', *SLIDE)),
    'minimal': Setting((
        '--attacks', 'FGSM', '--minimal',
        'DeepFool(steps=10, threshold=0.2)', 'DAG(steps=10, threshold=0.2)',
        'ALMAProx(steps=20, threshold=0.2)', '--limit', '3')),
    'minimal-slide': Setting((
        '--minimal', 'DeepFool(steps=5, threshold=0.2)', 'ALMAProx(steps=10)',
        '--limit', '2', *SLIDE)),
    'seed': Setting((*SMALL, '--seed', '7', '--check-images', '3')),
    'limit': Setting((*SMALL, '--limit', '2', '--check-images', '0')),
    'image-without-labels': Setting((
        '--attacks', 'PGD', 'RPPGD', 'PGD(restarts=2)', 'CW(norm=l2)',
        '--steps', '2', '4', '--minimal', 'DeepFool(steps=5, threshold=0.2)',
        '--matrix', *OTHER, *CACHE, '--cfg-options',
        'test_dataloader.dataset.data_prefix.seg_map_path=void')),
    'images-of-two-sizes': Setting((
        '--attacks', 'PGD', 'RPPGD', 'PGD(norm=l2)', 'CW(norm=l2)',
        '--steps', '3', '--matrix', *OTHER, *CACHE), config='sizes.py'),
    'mixed-precision': Setting((*SMALL, '--cfg-options',
                                'test_cfg.fp16=True')),
    'wrapped-config': Setting(SMALL, config='wrapped.py'),
    'two-processes': Setting((
        '--attacks', 'PGD', 'RPPGD', 'APGD', '--steps', '3', '--minimal',
        'DeepFool(steps=5, threshold=0.2)'), processes=2),
    'two-processes-matrix': Setting((*SMALL, '--matrix', *OTHER, *CACHE),
                                    processes=2),
    'killed-and-resumed': Setting((*KILLED, '--matrix', *OTHER, *CACHE),
                                  kill=True),
    'two-processes-killed-and-resumed': Setting(KILLED, processes=2,
                                                kill=True),
}


# ------------------------------------------------------------------- project
def make_project(folder: Path) -> None:
    """Make what is tested: configs, two checkpoints, images, a suite."""
    import cv2
    import numpy as np
    import torch
    from mmengine.config import Config
    from tiny_project import CONFIG, draw, fit
    torch.set_num_threads(1)
    # A project that stands is whole: it is made beside its place.
    made = folder.with_name(f'{folder.name}.{os.getpid()}.tmp')

    def keep(place: str, index: int, picture: np.ndarray) -> None:
        (made / place).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(made / place / f'{index}.png'), picture)

    for i in range(5):
        image, label = draw(i)
        keep('images', i, image)
        keep('labels', i, label)
        keep('void', i, np.full_like(label, 255) if i == 3 else label)
        # Two of one size, three of another, in turn.
        image, label = draw(i, *((26, 35) if i % 2 else (24, 40)))
        keep('sizes/images', i, image)
        keep('sizes/labels', i, label)
    config = CONFIG.format(root=str(folder))
    (made / 'config.py').write_text(config)
    (made / 'sliding.py').write_text(
        "_base_ = ['config.py']\n"
        "model = dict(test_cfg=dict(_delete_=True, mode='slide', "
        'crop_size=(16, 16), stride=(12, 12)))\n')
    (made / 'sizes.py').write_text(
        "_base_ = ['config.py']\n"
        'test_dataloader = dict(dataset=dict(\n'
        "    data_prefix=dict(img_path='sizes/images', "
        "seg_map_path='sizes/labels'),\n"
        '    pipeline=[_base_.test_pipeline[0], '
        '*_base_.test_pipeline[2:]]))\n')
    (made / 'counted.py').write_text(
        "_base_ = ['config.py']\n"
        'train_dataloader = _base_.test_dataloader\n'
        "train_cfg = dict(type='IterBasedTrainLoop', max_iters=1)\n"
        "optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))\n")
    (made / 'wrapped.py').write_text(
        "_base_ = ['config.py']\n"
        "model = dict(_delete_=True, type='mmseg_rppgd.AdversarialSegmentor',"
        " segmentor=_base_.model, attack=dict(type='RPPGD', steps=3))\n"
        "custom_hooks = [dict(type='mmseg_rppgd.PGDHook', eps=1, steps=1,"
        " stages='test')]\n")
    (made / 'suite.py').write_text(SUITE)
    state = fit(Config.fromfile(str(made / 'config.py'))).state_dict()
    torch.save({'state_dict': state, 'meta': {}}, made / 'checkpoint.pth')
    generator = torch.Generator().manual_seed(1)
    for value in state.values():
        if value.dim() == 4:
            noise = torch.randn(value.shape, generator=generator)
            value.add_(0.3 * value.std() * noise)
    torch.save({'state_dict': state, 'meta': {}}, made / 'other.pth')
    made.rename(folder)


def environment(*paths: Path) -> Dict[str, str]:
    """Return variables that make a process import from there, on the CPU."""
    return dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, paths)),
                OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='')


# -------------------------------------------------------------------- record
class Recorder:
    """Runs the tool of a checkout and keeps what it reports.

    Args:
        root (Path): The checkout.
        project (Path): The tested project.
        work (Path): Folder for what is not kept.
    """

    def __init__(self, root: Path, project: Path, work: Path) -> None:
        self.root = root
        self.project = project
        self.work = work

    def record(self, setting: Setting, folder: Path) -> None:
        """Run a setting and keep its reports in a folder.

        Raises:
            RuntimeError: If the tool fails.
        """
        out = Path(tempfile.mkdtemp(dir=self.work))
        argv = self._argv(setting, out)
        if setting.kill:
            self._kill_in_the_middle(argv, out)
            argv.append('--resume')
        done = subprocess.run(
            argv, env=environment(self.root), cwd=self.work, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            raise RuntimeError(f'{" ".join(argv)}\n{done.stdout}')
        for name in REPORTS:
            if (out / name).exists():
                shutil.copy(out / name, folder / name)
        images = digest_images(out / 'cache')
        if images:
            write_json(folder / IMAGES, images)

    def _argv(self, setting: Setting, out: Path) -> List[str]:
        argv = [sys.executable]
        if setting.processes > 1:
            argv += ['-m', 'torch.distributed.run', '--standalone',
                     f'--nproc_per_node={setting.processes}']
        argv += [str(self.root / 'tools' / 'robust_test.py'),
                 str(self.project / setting.config),
                 str(self.project / 'checkpoint.pth'), '--out', str(out),
                 '--work-dir', str(out / 'work'), '--panels', '1']
        if '--check-images' not in setting.words:
            argv += ['--check-images', '1']
        if setting.processes > 1:
            argv += ['--launcher', 'pytorch']
        places = {'{project}': str(self.project),
                  '{cache}': str(out / 'cache')}
        for word in setting.words:
            for name, place in places.items():
                word = word.replace(name, place)
            argv.append(word)
        return argv

    def _kill_in_the_middle(self, argv: List[str], out: Path) -> None:
        """Start a test and kill all its processes while it attacks."""
        process = subprocess.Popen(
            argv, env=environment(self.root), cwd=self.work,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        begun: List[Path] = []
        try:
            end = time.monotonic() + START_SECONDS
            while (not begun and process.poll() is None
                   and time.monotonic() < end):
                time.sleep(0.02)
                begun = list((out / 'per_image').glob('PGD*.jsonl'))
        finally:
            kill_all(process)
        if not begun or (out / 'results.json').exists():
            raise RuntimeError(
                'the test was to be killed while it attacks, but '
                f'{"ended before" if begun else "did not begin"}: '
                + ' '.join(argv))


def digest_images(cache: Path) -> Dict[str, str]:
    """Return the digest of each adversarial image in a cache, by file."""
    import numpy as np
    digests = {}
    for path in sorted(cache.rglob('*.npz')):
        with np.load(path) as arrays:
            image = np.ascontiguousarray(arrays['image'])
        content = f'{image.dtype} {image.shape}'.encode() + image.tobytes()
        digests[str(path.relative_to(cache))] = hashlib.sha256(
            content).hexdigest()
    return digests


def record(options: argparse.Namespace) -> int:
    """Record the settings of a checkout; return the exit status."""
    folder = options.folder.resolve()
    root, project = options.root.resolve(), options.project.resolve()
    if not project.exists():
        project.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [sys.executable, str(Path(__file__).resolve()), 'project',
             str(project)], env=environment(root, root / 'tests'),
            check=True)
    failed = []
    folder.mkdir(parents=True, exist_ok=True)
    for name in options.only or SETTINGS:
        place = folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as work:
            try:
                Recorder(root, project, Path(work)).record(
                    SETTINGS[name], place)
            except RuntimeError as error:
                failed.append(name)
                (place / FAILURE).write_text(f'{error}\n')
        print(f'{name}: {time.monotonic() - start:.1f} s'
              + (', FAILED' if name in failed else ''), flush=True)
    write_json(folder / SUMMARY, dict(
        root=str(root), project=str(project), python=sys.executable))
    if failed:
        print(f'{len(failed)} settings failed, see {FAILURE} in {folder} of '
              f'{", ".join(failed)}')
    return 1 if failed else 0


def write_json(path: Path, value: Any) -> None:
    """Write plain data that people can read."""
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + '\n')


# ------------------------------------------------------------------- compare
class Difference(NamedTuple):
    """Something that is not the same.

    Args:
        path (str): Where.
        before (object): Value of the first record.
        after (object): Value of the second.
    """
    path: str
    before: Any
    after: Any


class Comparison:
    """What differs between two trees of plain data.

    Args:
        rtol (float): Largest relative difference of equal numbers.
    """

    def __init__(self, rtol: float) -> None:
        self.rtol = rtol
        self.compared = 0
        self.reworded: List[str] = []

    def differences(self, before: Any, after: Any, path: str = '',
                    key: str = '') -> Iterator[Difference]:
        """Yield every difference, with its path."""
        if key in IGNORED or self._is_path(key, before, after):
            return
        if isinstance(before, str) and isinstance(after, str) and (
                key in PROSE):
            if before != after:
                self.reworded.append(path)
            before, after = numbers_in(before), numbers_in(after)
        before, after = by_name(before, key), by_name(after, key)
        if isinstance(before, dict) and isinstance(after, dict):
            for name in [*before, *(k for k in after if k not in before)]:
                yield from self.differences(
                    before.get(name, ABSENT), after.get(name, ABSENT),
                    f'{path}.{name}' if path else str(name), name)
        elif isinstance(before, list) and isinstance(after, list):
            for i in range(max(len(before), len(after))):
                pair = [v[i] if i < len(v) else ABSENT
                        for v in (before, after)]
                yield from self.differences(
                    *pair, f'{path}[{i}{label_of(pair)}]')
        else:
            self.compared += 1
            if not self._same(before, after):
                yield Difference(path, before, after)

    def _is_path(self, key: str, before: Any, after: Any) -> bool:
        return (key in PATHS and isinstance(before, str)
                and isinstance(after, str)
                and ABSENT not in (before, after)
                and bool(before) == bool(after))

    def _same(self, before: Any, after: Any) -> bool:
        kinds = {type(v) for v in (before, after)}
        if kinds <= {int, float}:
            return before == after or math.isclose(
                before, after, rel_tol=self.rtol, abs_tol=0)
        return len(kinds) == 1 and before == after


def by_name(value: Any, key: str) -> Any:
    """Turn the checks into a dict: their order is no number."""
    if key == 'checks' and isinstance(value, list):
        return {check['name']: check for check in value}
    return value


def label_of(pair: List[Any]) -> str:
    """Say which attack an element of a list is."""
    for value in pair:
        if isinstance(value, dict) and 'name' in value:
            # results.json says it inside, a line of the table at once.
            told = {**value, **value.get('threat', {}),
                    **value.get('config', {})}
            parts = [f'{key}={told[key]}' for key in ('eps', 'steps')
                     if told.get(key) not in (None, '')]
            return ' ' + ' '.join([str(value['name']), *parts])
    return ''


def numbers_in(text: str) -> List[float]:
    """Return the numbers of a sentence."""
    return [float(number) for number in NUMBER.findall(text)]


def read_report(path: Path) -> Any:
    """Read a report as plain data; absent if there is none."""
    if not path.exists():
        return ABSENT
    with open(path, newline='', encoding='utf-8') as file:
        if path.suffix == '.json':
            return json.load(file)
        return [{k: number_or_text(v) for k, v in row.items()}
                for row in csv.DictReader(file)]


def number_or_text(cell: str) -> Any:
    """Return a cell of a table as what it was."""
    try:
        return float(cell)
    except ValueError:
        return cell


def compare_images(before: Path, after: Path) -> Iterator[Difference]:
    """Yield the adversarial images that are in one record alone.

    The names of their files are nobody's promise, so images are looked for
    by what they hold.
    """
    sides = [read_report(folder / IMAGES) for folder in (before, after)]
    sides = [{} if side == ABSENT else side for side in sides]
    known = [set(side.values()) for side in sides]
    for name, digest in sides[0].items():
        if digest not in known[1]:
            yield Difference(
                name, digest[:16], sides[1].get(name, ABSENT)[:16])
    for name, digest in sides[1].items():
        if digest not in known[0] and name not in sides[0]:
            yield Difference(name, ABSENT, digest[:16])


def compare(options: argparse.Namespace) -> int:
    """List what differs between two records; return the exit status."""
    comparison = Comparison(options.rtol)
    before, after = options.before, options.after
    names = options.only or [name for name in SETTINGS if any(
        (folder / name).exists() for folder in (before, after))]
    total = 0
    for name in names:
        found: List[Tuple[str, Difference]] = []
        missing = 0
        for folder in (before, after):
            if not (folder / name / 'results.json').exists():
                print(f'{name}: not recorded in {folder}')
                missing += 1
        for report in () if missing else REPORTS:
            pair = [read_report(folder / name / report)
                    for folder in (before, after)]
            found += [(report, difference) for difference in
                      comparison.differences(*pair)]
        # Digests cannot be nearly the same.
        if not options.rtol and not missing:
            found += [(IMAGES, difference) for difference in
                      compare_images(before / name, after / name)]
        for report, (path, old, new) in found:
            print(f'{name}: {report}: {path}: {short(old)} -> {short(new)}')
        total += len(found) + missing
    for text in sorted(set(comparison.reworded)):
        print(f'other words, with the numbers compared: {text}')
    for folder in (before, after):
        print(f'{folder}: commit {commit_of(folder, names)}')
    print(f'{len(names)} settings, {comparison.compared} values: '
          + (f'{total} differences' if total else 'all the same'))
    return 1 if total or not comparison.compared else 0


def short(value: Any) -> str:
    """Show a value in a line; a number with all its digits."""
    text = value if value == ABSENT else repr(value)
    return text if len(text) <= LONGEST else f'{text[:LONGEST]}...'


def commit_of(folder: Path, names: List[str]) -> Optional[str]:
    """Return the commit that the reports of a record name."""
    commits = set()
    for name in names:
        results = read_report(folder / name / 'results.json')
        if results != ABSENT:
            commits.add(str(results['environment'].get('commit')))
    return ', '.join(sorted(commits)) or None


# ---------------------------------------------------------------------- main
def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Record the numbers of a checkout, or compare two records')
    commands = parser.add_subparsers(dest='what', required=True)
    recording = commands.add_parser('record', help='run and keep the reports')
    recording.add_argument('folder', type=Path, help='where the record goes')
    recording.add_argument(
        '--root', type=Path, default=Path(__file__).resolve().parents[1],
        metavar='CHECKOUT', help='what is run (default: that of this file)')
    recording.add_argument(
        '--project', type=Path, default=Path(PROJECT), metavar='DIR',
        help='the tested project, made if it is missing; the same for both '
        f'records (default: {PROJECT})')
    comparing = commands.add_parser('compare', help='list the differences')
    comparing.add_argument('before', type=Path)
    comparing.add_argument('after', type=Path)
    comparing.add_argument(
        '--rtol', type=float, nargs='?', const=1e-9, default=0.,
        help='relative difference that is none, 1e-9 if no number is given; '
        'leaves out the digests of images (default: 0, bit for bit)')
    for command in (recording, comparing):
        command.add_argument(
            '--only', nargs='+', choices=SETTINGS, metavar='SETTING',
            help=f'some of {", ".join(SETTINGS)}')
    making = commands.add_parser('project', help='make the tested project')
    making.add_argument('folder', type=Path)
    return parser.parse_args()


def main() -> int:
    options = parse_args()
    if options.what == 'record':
        return record(options)
    if options.what == 'compare':
        return compare(options)
    make_project(options.folder)
    return 0


if __name__ == '__main__':
    sys.exit(main())
