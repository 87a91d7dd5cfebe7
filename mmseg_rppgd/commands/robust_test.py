"""Test how robust a segmentor is; takes what mmseg's tools/test.py takes."""
import argparse
from typing import Optional, Sequence

from ..cli import errors_in_a_sentence, interruptible
from ..quantities import parse_number
from .words import CommandLine, add_config, add_run_options

EXAMPLES = (
    'pspnet.py iter_40000.pth',
    'pspnet.py iter_40000.pth --suite reliable --resume',
    'pspnet.py iter_40000.pth --attacks PGD RPPGD "BIM(norm=l2)" '
    '--eps 4/255 8/255 --steps 10 100 --limit 50',
    'pspnet.py iter_40000.pth --attacks RPPGD '
    '--surrogate other.py other.pth',
)
GO_ON = ('what is finished is kept in the folder of the report: repeat the '
         'command with --resume to go on')


def parser(prog: Optional[str] = None) -> argparse.ArgumentParser:
    """What the command takes."""
    result = CommandLine(
        prog, 'CONFIG CHECKPOINT [options]',
        'Test a segmentor on clean images and under attacks', EXAMPLES)
    add_config(result)
    result.add_argument('checkpoint', metavar='CHECKPOINT',
                        help='a checkpoint file')
    _add_rows(result.add_argument_group(
        'what is tested: attacks x eps x steps'))
    _add_report(result.add_argument_group('the report'))
    same = result.add_argument_group("as in mmseg's tools/test.py")
    add_run_options(same, work_dir='logs')
    same.add_argument(
        '--show', action='store_true',
        help='show the predictions of clean images')
    same.add_argument(
        '--show-dir', metavar='DIR',
        help='save painted predictions of clean images')
    same.add_argument(
        '--wait-time', type=float, default=2, metavar='SECONDS',
        help='seconds that --show shows an image (default: 2)')
    same.add_argument(
        '--tta', action='store_true',
        help='refused: averaged views cannot be attacked')
    return result


def _add_rows(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--suite', metavar='NAME',
        help='a named list of attacks, or a file with one (default: quick, '
        'if no --attacks are given)')
    group.add_argument(
        '--attacks', nargs='+', default=[], metavar='NAME',
        help="attacks, with options if need be: PGD 'RPPGD(beta=1)' "
        "'BIM(norm=l2, eps=2)'")
    group.add_argument(
        '--eps', nargs='+', default=[], metavar='EPS',
        help='radii in units of the [0, 1] pixel range, such as 0.03 or '
        '8/255; of l2 attacks root mean squares, while an eps inside an '
        'attack is a length (default: those of the suite, or of the attack)')
    group.add_argument(
        '--steps', nargs='+', type=int, default=[], metavar='N',
        help='numbers of steps (default: those of the suite or attack)')
    group.add_argument(
        '--minimal', nargs='+', default=[], metavar='NAME',
        help='search for the smallest perturbation that makes nearly all '
        'pixels wrong: DeepFool, DAG, ALMAProx')
    group.add_argument(
        '--surrogate', nargs=2, metavar=('CONFIG', 'CHECKPOINT'),
        help='black box: make the adversarial images on this model')
    group.add_argument(
        '--matrix', nargs=2, action='append', default=[],
        metavar=('CONFIG', 'CHECKPOINT'),
        help='transfer matrix: attack and test this model too; give it '
        'once for every further model')
    group.add_argument(
        '--cache', metavar='DIR',
        help='where adversarial images made on other models are kept, to '
        'be used again (default: OUT/adversaries)')
    group.add_argument(
        '--surface', choices=['whole', 'slide', 'crop'],
        help='what is attacked: the whole image, all windows of slide '
        'inference jointly, or each window by itself, which gives no '
        'adversarial image (default: as the model infers)')
    group.add_argument(
        '--pixel-range', type=float, metavar='WHITE',
        help='value of white in what the test pipeline gives: 255, or 1 '
        'where it scales images to [0, 1] (default: what is certain from '
        'the first image)')
    group.add_argument(
        '--limit', type=int, metavar='N',
        help='test on the first N images only')
    group.add_argument(
        '--seed', type=int, default=0, metavar='N',
        help='seed of all noise (default: 0)')
    group.add_argument(
        '--batch-size', type=int, metavar='N',
        help='attack N images of one size together; the numbers do not '
        'depend on it (default: 1 on CPU, on a GPU as it pays)')


def _add_report(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--out', metavar='DIR',
        help='folder of the report (default: WORK_DIR/robust)')
    group.add_argument(
        '--save-adv', metavar='DIR',
        help='save the adversarial image of every row: exactly, as .npy, and '
        'rounded to 8 bits, as .png (default: none is)')
    group.add_argument(
        '--resume', action='store_true',
        help='continue an interrupted test in the same folder')
    group.add_argument(
        '--skip-bad', action='store_true',
        help='leave out images that cannot be loaded or predicted, and list '
        'them in the report (default: the first of them ends the test)')
    group.add_argument(
        '--check-images', type=int, default=4, metavar='N',
        help='attack this many images for the self-checks that need attacks '
        'of their own (default: 4; 0 leaves them out)')
    group.add_argument(
        '--panels', type=int, default=4, metavar='N',
        help='draw this many images, spread over the data set (default: 4)')


def check(command_line: argparse.ArgumentParser,
          args: argparse.Namespace) -> None:
    """Refuse what cannot be, before anything is loaded."""
    if args.tta:
        command_line.error('--tta cannot be attacked: test-time augmentation '
                           'averages predictions over several views of an '
                           'image; leave it out')
    for flag, value, least, rule in [
            ('--limit', args.limit, 1, 'at least 1 image'),
            ('--batch-size', args.batch_size, 1, 'at least 1 image'),
            ('--seed', args.seed, 0, '>= 0'),
            ('--check-images', args.check_images, 0, '>= 0'),
            ('--panels', args.panels, 0, '>= 0'),
            *(('--steps', steps, 1, '>= 1') for steps in args.steps)]:
        if value is not None and value < least:
            command_line.error(f'{flag} must be {rule}, but got {value}')
    if args.seed >= 2**32:
        command_line.error('--seed must be less than 2**32 = 4294967296, but '
                           f'got {args.seed}')
    try:
        for eps in args.eps:
            parse_number('--eps', eps)
    except ValueError as error:
        command_line.error(str(error))


def main(argv: Optional[Sequence[str]] = None,
         prog: Optional[str] = None) -> None:
    """Test."""
    command_line = parser(prog)
    args = command_line.parse_args(argv)
    check(command_line, args)
    with interruptible(command_line.prog, GO_ON), errors_in_a_sentence(
            command_line.prog):
        from .work.robust_test import run
        run(args)
