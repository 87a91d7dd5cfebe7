"""Train, harden, attack and report a small PSPNet, on CPU, without data."""
import argparse
import os
import os.path as osp
import sys
import time
from functools import partial

from ...reproduce.training import TrainingFailed, follow, start

SHAPES = 'synthetic-shapes-64x64.py'
STANDARD = f'mmseg_rppgd::standard/pspnet_standard_r18-d8_1xb16-800_{SHAPES}'
HARDENED = ('mmseg_rppgd::rppgd3_at/pspnet_rppgd3-at_r18-d8_1xb16-300_'
            f'{SHAPES}')
END = '''
Pictures (image, perturbation, clean prediction, attacked prediction, truth):
  {out}/standard/robust/panels/
  {out}/rppgd3-at/robust/panels/
Reports: report.html, table.md and results.json in the folders above them.
Both models side by side:
  {out}/comparison/comparison.html
Checkpoints that plain mmseg loads:
  {out}/standard/iter_800.pth
  {out}/rppgd3-at/iter_300.pth
It took {minutes} min {seconds} s.'''


def say(text: str) -> None:
    """Announce a step before the processes of it write anything."""
    print(f'\n[quickstart] {text}', flush=True)


def call(*words: str) -> None:
    """Run a command; end with it if it fails."""
    with start(*words) as process:
        code = process.wait()
    if code:
        sys.exit(code)


def train(out: str, name: str, config: str, *settings: str) -> None:
    """Train; end with a training that fails."""
    try:
        follow(['train', config, '--work-dir', osp.join(out, name),
                '--cfg-options', 'default_hooks.logger.interval=100',
                *settings], osp.join(out, f'{name}.log'),
               partial(print, flush=True))
    except TrainingFailed as error:
        sys.exit(f'[quickstart] {error}')


def robust_test(out: str, name: str, config: str, checkpoint: str) -> None:
    """Test a model under four attacks."""
    call('robust-test', config, checkpoint, '--work-dir', osp.join(out, name),
         '--attacks', 'PGD', 'SegPGD', 'CosPGD', 'RPPGD', '--eps', '0.03',
         '--steps', '10', '--limit', '48', '--out',
         osp.join(out, name, 'robust'))


def run(args: argparse.Namespace) -> None:
    """Go through the steps."""
    out = osp.abspath(args.folder)
    os.makedirs(out, exist_ok=True)
    # The model is tiny: a second thread gains little, and waits for the
    # first at a high price wherever something else runs.
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    began = time.monotonic()
    standard = osp.join(out, 'standard', 'iter_800.pth')
    hardened = osp.join(out, 'rppgd3-at', 'iter_300.pth')
    say('[1/4] A PSPNet learns to segment textured shapes.')
    train(out, 'standard', STANDARD)
    say('[2/4] From there, RP-PGD3-AT: half of each batch is attacked by '
        'RP-PGD.')
    train(out, 'rppgd3-at', HARDENED, f'load_from={standard}')
    say('[3/4] Both models under four attacks: eps 0.03, 10 steps.')
    robust_test(out, 'standard', STANDARD, standard)
    robust_test(out, 'rppgd3-at', HARDENED, hardened)
    say('[4/4] What adversarial training bought:')
    call('compare', f'standard={out}/standard/robust',
         f'RP-PGD3-AT={out}/rppgd3-at/robust', '--out',
         osp.join(out, 'comparison'))
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    print(END.format(out=out, minutes=minutes, seconds=seconds))
