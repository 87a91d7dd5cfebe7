"""Put the reports of several models side by side, or join those of one."""
import argparse
import json
import sys
from typing import Any, Dict, List, Optional, Sequence, Tuple

from rich.console import Console

from ..cli import errors_in_a_sentence
from ..compat import require_mmseg
from ..metrics import SCALARS

PAIRED = ('In brackets 95 % intervals of a paired bootstrap over the images; '
          '"no difference" where they hold 0. They speak of other images, '
          'not of other trainings of the same models.')


def parser(prog: Optional[str] = None) -> argparse.ArgumentParser:
    """What the command takes."""
    result = argparse.ArgumentParser(
        prog, description='Compare the robustness of several models')
    result.add_argument(
        'reports', nargs='+', metavar='NAME=DIR',
        help='a name for the model, and its report folder; the first model '
        'is the one that the others are compared with')
    result.add_argument('--metric', choices=SCALARS, default='mIoU')
    result.add_argument(
        '--worst-case', action='store_true',
        help='the reports are DIR... and of one model: compute the worst '
        'case over the attacks of all, from their stored counts')
    result.add_argument(
        '--seed', type=int, default=0,
        help='seed of the greedy choice of --worst-case, and of the '
        'resamples of the intervals (default: 0)')
    return result


def compare(names: Sequence[str], paths: Sequence[str], metric: str,
            seed: int = 0) -> Tuple[List[Any], List[str]]:
    """Tables of the rows that every report has, and notes on them.

    Raises:
        FileNotFoundError: If there is no such report.
        ValueError: If a file is no report, or the reports do not compare.
    """
    from ..evaluation.report.writers import Table
    from ..evaluation.results.comparison import compare_tests
    from ..evaluation.results.finished import FinishedTest
    tests = [FinishedTest(path) for path in paths]
    images = {test.results['dataset']['num_images'] for test in tests}
    if len(images) > 1:
        raise ValueError('the reports are of different numbers of images: '
                         f'{sorted(images)}; use the same --limit')
    found = compare_tests(names, tests, metric, seed)
    header = ['attack', 'norm', 'eps', 'steps']
    tables = [Table(
        f'{metric} in percent, {images.pop()} images', [*header, *names],
        [[*shown(key), *values] for key, values in found.values.items()],
        words=4)]
    notes = list(found.notes)
    if found.differences:
        tables.append(Table(
            f'Difference in {metric} to {names[0]}', [*header, *names[1:]],
            [[*shown(key), *map(in_words, differences)]
             for key, differences in found.differences.items()], words=4))
        notes.append(PAIRED)
    return tables, notes


def shown(key: Sequence[Any]) -> List[Any]:
    """What was attacked how, as a table shows it."""
    name, norm, eps, steps = key
    return [name, norm, f'{eps:.4g}' if isinstance(eps, float) else eps,
            steps]


def in_words(difference: Dict[str, Any]) -> Optional[str]:
    """A difference with its interval; None where it is undefined."""
    if difference['value'] is None:
        return None
    text = f'{difference["value"]:+.2f}'
    if difference['interval'] is not None:
        text += ' [{:+.2f}, {:+.2f}]'.format(*difference['interval'])
    return text + ('' if difference['differs'] in (True, None)
                   else ' no difference')


def main(argv: Optional[Sequence[str]] = None,
         prog: Optional[str] = None) -> None:
    """Print a table, or the worst case as JSON."""
    command_line = parser(prog)
    args = command_line.parse_args(argv)
    if args.seed < 0:
        command_line.error(f'--seed must be >= 0, but got {args.seed}')
    pairs: List[Tuple[str, str]] = []
    for report in [] if args.worst_case else args.reports:
        name, _, path = report.partition('=')
        if not (name and path):
            command_line.error(
                f'a report must be NAME=DIR, but got {report!r}')
        pairs.append((name, path))
    with errors_in_a_sentence(command_line.prog):
        require_mmseg()
        if args.worst_case:
            from ..evaluation.results.finished import worst_case_of
            print(json.dumps(worst_case_of(args.reports, args.seed),
                             indent=2))
            return
        from ..evaluation.report.screen import LOG_WIDTH
        from ..evaluation.report.writers import to_screen
        tables, notes = compare(*zip(*pairs), args.metric, args.seed)
        # A log has no width; there the table must not be folded.
        width = None if sys.stdout.isatty() else LOG_WIDTH
        console = Console(width=width, highlight=False)
        for table in tables:
            console.print(to_screen(table))
        for note in notes:
            console.print(note, markup=False)
