"""What the order of the rows says, in plain sentences."""
from collections import Counter
from typing import List, Optional, Sequence

from .boards import Board, Values
from .experiments import Experiment
from .order import (ColumnOrder, Pair, best, mean_tau, named, numbered,
                    numbers_of)

MOST_PAIRS = 3  # in a sentence; the JSON file has all
MOST_NAMES = 3
UNKNOWN = 'spread over seeds unknown'


def sentences(orders: Sequence[ColumnOrder]) -> List[str]:
    """What came of each column."""
    names = Counter((order.column, order.data) for order in orders)
    return [sentence(order, names[order.column, order.data] > 1)
            for order in orders]


def sentence(order: ColumnOrder, with_board: bool = False) -> str:
    """What came of one column, named with its board if need be."""
    place = f'{order.column} beside the paper\'s {order.data}'
    if with_board:
        place = f'{order.board}, {place}'
    words = [f'{place}: {order.same} of {pairs(order.pairs)} in the same '
             f'order{_tau(order.tau)}']
    if order.tied:
        words[0] += f', {order.tied} equal here or there'
    words.append(_best(order))
    if order.clear:
        words.append(_others(order))
    within = len(order.others) - len(order.clear)
    if within:
        words.append(f'{pairs(within)} in another order {verb(within)} no '
                     'further apart than the spread over seeds')
    return '. '.join(words) + '.'


def _others(order: ColumnOrder) -> str:
    """The pairs in another order."""
    shown = order.clear[:MOST_PAIRS]
    text = 'In another order: ' + '; '.join(map(str, shown))
    left = len(order.clear) - len(shown)
    if left:
        text += f'; and {left} more'
    if any(pair.spread is None for pair in order.clear):
        text += f' ({UNKNOWN})'
    return text


def _best(order: ColumnOrder) -> str:
    kind = 'Best (lowest)' if order.lowest else 'Best (highest)'
    here = _named(order.best_here, order.here)
    if order.best_here == order.best_in_paper:
        theirs = ', '.join(
            f'{order.paper[row]:.2f}' for row in order.best_here[:1])
        return f'{kind}: {here}, as in the paper ({theirs})'
    return (f'{kind}: here {here}, in the paper '
            f'{_named(order.best_in_paper, order.paper)}')


def _named(rows: Sequence[str], numbers: dict) -> str:
    shown = [numbered(row, numbers) for row in rows[:MOST_NAMES]]
    if len(rows) > len(shown):
        shown.append(f'{len(rows) - len(shown)} more')
    return ' and '.join(shown)


def _tau(tau: Optional[float]) -> str:
    return '' if tau is None else f' (Kendall\'s tau-b {tau:.2f})'


def pairs(number: int) -> str:
    """So many pairs of rows."""
    return '1 pair' if number == 1 else f'{number} pairs'


def verb(number: int) -> str:
    """Is or are."""
    return 'is' if number == 1 else 'are'


def summary(orders: Sequence[ColumnOrder]) -> str:
    """What came of all columns."""
    if not orders:
        return ('There is no order to compare with the paper\'s: no column '
                'has two rows with our number and one that the text of the '
                'paper has.')
    total = sum(order.pairs for order in orders)
    same = sum(order.same for order in orders)
    tied = sum(order.tied for order in orders)
    others = [pair for order in orders for pair in order.others]
    tau = mean_tau(orders)
    text = (f'In all, {same} of {pairs(total)} of rows are in the paper\'s '
            f'order ({100 * same / total:.0f} %')
    text += '' if tau is None else f'; mean Kendall\'s tau-b {tau:.2f}'
    agree = sum(order.best_agrees for order in orders)
    text += f'); the best row is the paper\'s in {agree} of its ' + _columns(
        len(orders))
    if others:
        text += f'; {pairs(len(others))} {verb(len(others))} in another order'
        text += _how_sure(others)
    if tied:
        text += f'; {pairs(tied)} {verb(tied)} equal here or there'
    return text + '.'


def _how_sure(others: Sequence[Pair]) -> str:
    if all(pair.spread is None for pair in others):
        return (', which may be chance: of one seed the spread over seeds is '
                'unknown')
    unknown = sum(pair.spread is None for pair in others)
    clear = sum(not pair.within_spread for pair in others) - unknown
    text = (f', {clear} of them by more than the spread over seeds (the '
            'standard deviation of a difference)')
    return text + (f' and {unknown} of unknown spread' if unknown else '')


def _columns(number: int) -> str:
    return '1 column' if number == 1 else f'{number} columns'


def winners(experiment: Experiment, boards: Sequence[Board],
            values: Values) -> List[str]:
    """Which row is the best how often, where the paper has no numbers."""
    sentences = []
    for board in boards:
        for metric in board.metrics:
            lowest = experiment.weaker_is_better
            wins: Counter = Counter()
            decided = 0
            for column in board.columns:
                numbers = numbers_of(board, column, values)
                if (column[1] == metric and not board.papers(column)
                        and len(numbers) > 1):
                    wins.update(best(numbers, lowest))
                    decided += 1
            if decided:
                parts = ', '.join(f'{named(row)} in {n}'
                                  for row, n in wins.most_common())
                sentences.append(
                    f'{board.title}, without numbers of the paper: '
                    f'{"lowest" if lowest else "highest"} {metric} of '
                    f'{_columns(decided)}: {parts}.')
    return sentences
