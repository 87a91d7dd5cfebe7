"""Train a segmentor; takes what mmseg's own tools/train.py takes."""
import argparse
import os.path as osp
from typing import Optional, Sequence

from ..cli import errors_in_a_sentence, interruptible
from .words import CommandLine, add_config, add_run_options

EXAMPLES = (
    'my_pspnet_rppgd3_at.py',
    'mmseg_rppgd::rppgd3_at/'
    'pspnet_rppgd3-at_r50-d8_4xb4-40k_voc12aug-512x512.py --amp',
    'my_pspnet.py --work-dir work_dirs/try --resume',
    'my_pspnet.py --cfg-options train_dataloader.batch_size=2 '
    'randomness.seed=0',
)


def parser(prog: Optional[str] = None) -> argparse.ArgumentParser:
    """What the command takes."""
    result = CommandLine(
        prog, 'CONFIG [options]',
        'Train a segmentor, adversarially if its config says so', EXAMPLES)
    add_config(result)
    group = result.add_argument_group("as in mmseg's tools/train.py")
    group.add_argument(
        '--resume', action='store_true',
        help='go on from the latest checkpoint in the work dir')
    group.add_argument(
        '--amp', action='store_true',
        help='train in automatic mixed precision (needs a GPU)')
    add_run_options(group, work_dir='logs and checkpoints')
    return result


def how_to_go_on(work_dir: Optional[str]) -> str:
    """Say how an interrupted training is taken up again."""
    note = osp.join(work_dir or '', 'last_checkpoint')
    if work_dir is None or not osp.isfile(note):
        return ('there is no checkpoint to go on from yet; start the same '
                'command again')
    with open(note) as file:
        checkpoint = file.read().strip()
    return (f'the latest checkpoint is {checkpoint}; the same command with '
            '--resume goes on from there')


def main(argv: Optional[Sequence[str]] = None,
         prog: Optional[str] = None) -> None:
    """Train."""
    command_line = parser(prog)
    args = command_line.parse_args(argv)
    with interruptible(command_line.prog,
                       lambda: how_to_go_on(args.work_dir)):
        with errors_in_a_sentence(command_line.prog):
            from .work.train import run
            run(args)
