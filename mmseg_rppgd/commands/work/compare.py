"""Put the reports of several models side by side, or join those of one."""
import argparse
import json
import sys
from typing import Any, Dict, List, Optional, Sequence, Tuple

from rich.console import Console

from ...compat import require_mmseg

PAIRED = ('In brackets 95 % intervals of a paired bootstrap over the images; '
          '"no difference" where they hold 0. They speak of other images, '
          'not of other trainings of the same models.')


def compare(names: Sequence[str], paths: Sequence[str], metric: str,
            seed: int = 0) -> Tuple[List[Any], List[str]]:
    """Tables of the rows that every report has, and notes on them.

    Raises:
        FileNotFoundError: If there is no such report.
        ValueError: If a file is no report, or the reports do not compare.
    """
    from ...evaluation.report.writers import Table
    from ...evaluation.results.comparison import compare_tests
    from ...evaluation.results.finished import FinishedTest
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


def run(args: argparse.Namespace) -> None:
    """Print a table, or the worst case as JSON."""
    require_mmseg()
    if args.worst_case:
        from ...evaluation.results.finished import worst_case_of
        print(json.dumps(worst_case_of(args.reports, args.seed), indent=2))
        return
    from ...evaluation.report.screen import LOG_WIDTH
    from ...evaluation.report.writers import to_screen
    pairs = [report.partition('=') for report in args.reports]
    tables, notes = compare(
        [name for name, _, _ in pairs], [path for _, _, path in pairs],
        args.metric, args.seed)
    # A log has no width; there the table must not be folded.
    width = None if sys.stdout.isatty() else LOG_WIDTH
    console = Console(width=width, highlight=False)
    for table in tables:
        console.print(to_screen(table))
    for note in notes:
        console.print(note, markup=False)
