"""Put the reports of several models side by side, or join those of one."""
import argparse
import json
import sys

from rich.console import Console

from ...compat import require_mmseg


def run(args: argparse.Namespace) -> None:
    """Print a table, or the worst case as JSON."""
    require_mmseg()
    if args.worst_case:
        from ...evaluation.results.finished import worst_case_of
        print(json.dumps(worst_case_of(args.reports, args.seed), indent=2))
    else:
        compare(args)


def compare(args: argparse.Namespace) -> None:
    """Print the tables, and write the page if it is asked for."""
    from ...evaluation.report.screen import LOG_WIDTH
    from ...evaluation.report.side_by_side.report import SideBySide
    from ...evaluation.report.writers import to_screen
    pairs = [report.partition('=') for report in args.reports]
    compared = SideBySide([name for name, _, _ in pairs],
                          [path for _, _, path in pairs], args.metric,
                          args.seed)
    if args.out is not None:
        compared.write(args.out)
    # A log has no width; there the table must not be folded.
    width = None if sys.stdout.isatty() else LOG_WIDTH
    console = Console(width=width, highlight=False)
    for sentence in compared.sentences:
        console.print(sentence.text, markup=False, emoji=False)
    for table in compared.tables:
        console.print(to_screen(table))
    for note in compared.lines:
        console.print(note, markup=False, emoji=False)
    if args.out is not None:
        console.print(f'The comparison is in {args.out}: open '
                      'comparison.html.', markup=False, emoji=False)
