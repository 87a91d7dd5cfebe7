"""How each block of code of README and docs is run.

A new block needs an entry here: a :class:`Session` with its page and a piece
of its text. Then it is run as it stands in a folder with ``config.py``, a
small model that takes the place of every stock config, and
``checkpoint.pth``:

- ``bash``: every line, each in a Python of its own. Words in capitals such as
  CONFIG stand for files: ``PLACEHOLDERS``.
- ``python`` that begins with ``# NAME.py`` is saved under that name.
- ``python`` that sets ``_base_`` or hooks is a config: it is trained by, or
  used by the commands in ``then``.
- any other ``python`` is run, that of one session in one process. What the
  text takes as given, such as a ``net``, is in ``given``.
- code inside the lines of a page is in ``text`` of a session, if it is to be
  run: commands, and what makes a config when put together.

Blocks that a user runs one after the other in one folder are one session.
What cannot be run is in NEVER, with what is checked instead.
"""
import re
import shlex
import subprocess
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import stand_ins
from markdown_blocks import ROOT
from sessions import NotRun, Refused, Session


def exists(line):
    """The script that a command names is there, and is a shell script."""
    path = ROOT / re.search(r'[\w/]+\.sh', line)[0]
    assert path.is_file(), line
    subprocess.run(['bash', '-n', path], check=True)


def has_options(line):
    """The benchmark that a command names has the options that it names."""
    words = shlex.split(line)
    source = (ROOT / words[1]).read_text()
    source += (ROOT / 'benchmarks/common.py').read_text()
    for word in words[2:]:
        if word.startswith('--'):
            assert f"'{word}'" in source, f'{word} of {line}'


def is_ours(line):
    """What pip installs is this package, or a version that it asks for."""
    pinned = ''.join(path.read_text() for path in (
        *(ROOT / 'requirements').glob('*.txt'),
        ROOT / 'mmseg_rppgd/attacks/adv_lib.py'))
    for word in shlex.split(line.replace('&&', ' ')):
        extra = re.search(r'\[(\w+)\]', word)
        if extra:
            assert (ROOT / f'requirements/{extra[1]}.txt').is_file(), line
        elif '==' in word:
            assert word in pinned or word.startswith('torch=='), line


def parses(line):
    """The command takes the words that are shown."""
    words = shlex.split(line.replace('TABLE', 'table1'), comments=True)
    if words[1] == '-m':
        name, words = words[3], words[4:]
    else:
        name, words = words[1].split('/')[-1][:-3], words[2:]
    module = import_module(f'mmseg_rppgd.commands.{name.replace("-", "_")}')
    if words:  # without any it is the name of a command
        module.parser().parse_args(words)


def nothing(line):
    """There is nothing to check but that it is shown."""


NEVER = {
    'git clone': NotRun('an address that the reader knows', nothing),
    'source ': NotRun('an environment', nothing),
    'pip install': NotRun('an index of packages', is_ours),
    'tools/quickstart.sh': NotRun('minutes', exists),
    'tools/run_tests.sh': NotRun('these tests', exists),
    'tools/launch.sh': NotRun('four processes', exists),
    'benchmarks/': NotRun('hours', exists),
    'MODEL=r18-w32-d8 benchmarks/': NotRun('hours', exists),
    'python benchmarks/': NotRun('minutes of measuring', has_options),
}
HOURS = NotRun('hours', parses)
MINUTES = NotRun('minutes', parses)
STOCK_TEST = Path(find_spec('mmseg').origin).parent / '.mim/tools/test.py'

SESSIONS = [
    # --------------------------------------------------------------- README
    Session('README.md', ['my_pspnet_rppgd3_at.py: the stock PSPNet']),
    Session('README.md', ['git clone']),
    Session('README.md', ["pip install -e '.[lite]'"]),
    Session('README.md', ['tools/train.py configs/rppgd3_at'], lines={
        'srun python tools/train.py': Refused('SLURM_PROCID'),
        'python -m mmseg_rppgd train mmseg_rppgd::': Refused(
            'GPU|CUDA|cuda')}),
    Session('README.md', ['mmseg_rppgd.SegPGDHook']),
    Session('README.md', ['mmseg_rppgd.AdversarialSegmentor']),
    Session('README.md', ['mmseg_rppgd.RobustValHook']),
    Session('README.md', ['--steps 10 100 --eps 4/255 8/255'],
            swap={'NAME=DIR NAME=DIR': 'A=first B=reliable',
                  '10 100': '1 2', '--steps 100': '--steps 2'},
            lines={'python tools/robust_test.py': '--out first',
                   'python -m mmseg_rppgd robust-test CONFIG CHECKPOINT '
                   '--attacks RPPGD': '--out other'}),
    Session('README.md', ['reproduce table4 --scale mini'], lines={
        'python -m mmseg_rppgd reproduce table4 --scale mini': MINUTES,
        'python -m mmseg_rppgd reproduce table4 --scale camvid': HOURS}),
    Session('README.md', ["suite='reliable', out_dir='robust'"],
            swap={'pspnet.py': 'config.py',
                  'iter_40000.pth': 'checkpoint.pth'}),
    Session('README.md', ['class Torchvision(nn.Module)',
                          'TestedModel(Torchvision(net)'],
            given=stand_ins.NETWORK + stand_ins.LOADER),
    Session('README.md', ['init_model(config, checkpoint'],
            given=stand_ins.IMAGES + stand_ins.MMSEG,
            swap={"'cuda'": "'cpu'"}),
    Session('README.md', ['class JensenPGD'], text=[
        "custom_imports = dict(imports=['my_attack'])",
        "custom_hooks = [dict(type='mmseg_rppgd.AttackHook', "
        "attack=dict(type='JensenPGD', steps=3))]"],
        then=['python -m mmseg_rppgd train config_of_text.py',
              'python -m mmseg_rppgd robust-test CONFIG CHECKPOINT '
              '--attacks my_attack.JensenPGD --steps 2']),
    # With the tools of mmseg.
    Session('README.md', text=[
        "custom_imports = dict(imports=['mmseg_rppgd'])",
        "custom_hooks = [dict(type='mmseg_rppgd.RPPGDHook', steps=100, "
        "stages='test')]"],
        then=[f'python {STOCK_TEST} config_of_text.py CHECKPOINT']),
    Session('README.md', text=[
        "custom_imports = dict(imports=['mmseg_rppgd'])",
        "test_cfg = dict(type='mmseg_rppgd.RobustTestLoop', suite='quick')"],
        then=[f'python {STOCK_TEST} config_of_text.py CHECKPOINT']),
    Session('README.md', text=[
        'python -m mmseg_rppgd info', 'python -m mmseg_rppgd list attacks',
        'python -m mmseg_rppgd list attacks RPPGD',
        'python -m mmseg_rppgd publish CHECKPOINT']),
    # ----------------------------------------- index, quickstart and harden
    Session('docs/index.md', ['my_pspnet_rppgd3_at.py: the stock PSPNet']),
    Session('docs/quickstart.md', ['pip install torch==']),
    Session('docs/quickstart.md', ['mmseg_rppgd quickstart first'],
            lines={'python -m mmseg_rppgd quickstart': MINUTES}),
    Session('docs/quickstart.md', ['--suite quick --limit 20']),
    Session('docs/harden.md', [
        '--out robust/before', '# my_pspnet_at.py', 'train my_pspnet_at.py',
        '--out robust/after', 'publish work_dirs'],
        swap={'my_pspnet.py': 'config.py', 'my_pspnet.pth': 'checkpoint.pth',
              'iter_40000': 'iter_2'}),
    # -------------------------------------------------------- other_victims
    Session('docs/other_victims.md', ['# adapters.py', 'SegformerConfig(']),
    Session('docs/other_victims.md', ['import CosPGD']),
    # ----------------------------------------------------------- own_attack
    Session('docs/own_attack.md', [
        'class MarginPGD', 'from my_attack import MarginPGD',
        '# my_training.py', 'train my_training.py'],
        swap={'10 100': '1 2'}),
    Session('docs/own_attack.md', [
        '# my_losses.py', 'APGD(pixel_loss=my_losses.hinge)']),
    Session('docs/own_attack.md', ['# my_weights.py', 'my_weights.borders']),
    Session('docs/own_attack.md', [
        '# my_update.py', 'PGD my_update.BlurredPGD']),
    Session('docs/own_attack.md', [
        '# my_schedule.py', "region_weights='my_schedule.falling'",
        'RPPGD(region_weights=my_schedule.falling)']),
    Session('docs/own_attack.md', ['# my_suite.py', '--suite my_suite.py'],
            needs=['class MarginPGD', '# my_losses.py']),
    # --------------------------------------------------------------- suites
    Session('docs/suites.md', ['# my_suite.py', '--suite my_suite.py',
                               '# short_suite.py', '--suite short_suite.py'],
            swap={'max_steps=50': 'max_steps=1', 'steps=[100]': 'steps=[3]',
                  'steps=[10, 40]': 'steps=[1, 2]'}),
    Session('docs/suites.md', ["suite = dict(eps=[0.03]"],
            swap={'pspnet.py': 'config.py',
                  'iter_40000.pth': 'checkpoint.pth'}),
    # -------------------------------------------------------------- attacks
    Session('docs/attacks.md', ["type='APGD', eps='8/255', steps=300"],
            given=stand_ins.MODEL),
    Session('docs/attacks.md', ['pip install --no-deps adv-lib']),
    Session('docs/attacks.md', ['ALMAProx().minimal'],
            given=stand_ins.MODEL),
    Session('docs/attacks.md', ["type='EnsembleAttack', eps='8/255'"],
            given=stand_ins.MODEL),
    # ------------------------------------------------------------- protocol
    Session('docs/protocol.md', ['--suite quick  ']),
    Session('docs/protocol.md', ['--save-adv', "manifest['rows']"],
            swap={'pspnet.py': 'config.py',
                  'iter_40000.pth': 'checkpoint.pth'}),
    Session('docs/protocol.md', ["results.intervals['clean']"],
            given=stand_ins.LOADED),
    Session('docs/protocol.md', ['--limit 24']),
    Session('docs/protocol.md', ['masked_models.py']),
    # ------------------------------------------------------------- training
    Session('docs/training.md', ['load_from=CHECKPOINT'],
            swap={'max_iters=120': 'max_iters=2'}),
    Session('docs/training.md', ['segpgd3_at.py']),
    Session('docs/training.md', ['AdversaryPicturesHook']),
    # ---------------------------------------------------- what was measured
    Session('docs/paper_to_code.md', ['reproduce table1'],
            lines={'python -m mmseg_rppgd reproduce': MINUTES}),
    Session('docs/results.md', ['camvid_experiment.sh']),
    Session('docs/results.md', ['rppgd_regions.py']),
    Session('docs/results.md', ['--suite reliable-mini'],
            lines={'python -m mmseg_rppgd robust-test': HOURS}),
    Session('docs/speed.md', ['attack_step.py']),
    Session('docs/speed.md', ['train_step.py']),
]
