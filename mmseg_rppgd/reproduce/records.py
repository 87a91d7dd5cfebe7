"""The numbers of an experiment for other programs: CSV and JSON."""
from dataclasses import asdict
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ..evaluation.files import digest, jsonable
from ..evaluation.report.writers import Spread, Table
from .boards import Values, summarize
from .experiments import Cell, Experiment
from .order import ColumnOrder, mean_tau
from .scales import Scale, System

SCHEMA = 1
COLUMNS = ('row', 'column', 'model', 'strategy', 'data', 'data_of_paper',
           'attack', 'steps', 'surrogate', 'metric', 'seed', 'value', 'paper')


def long_table(experiment: Experiment, scale: Scale,
               values: Values) -> Table:
    """One line for each cell and seed; one without both if not measured."""
    rows = []
    for cell in experiment.cells:
        system, trial = scale.resolve(cell.system), cell.trial
        known = [cell.row, cell.column, system.model, system.strategy,
                 system.data, cell.system.data, trial.attack, trial.steps,
                 _name(trial.surrogate, scale), cell.metric]
        found: List[Tuple[Optional[int], Optional[float]]] = [
            (m.seed, m.value) for m in values.get(cell) or ()]
        rows += [[*known, seed, value, cell.paper]
                 for seed, value in found or [(None, None)]]
    return Table(experiment.title, COLUMNS, rows, words=0)


def _name(system: Optional[System], scale: Scale) -> Optional[str]:
    return None if system is None else str(scale.resolve(system))


def record(experiment: Experiment, scale: Scale, values: Values,
           orders: Sequence[ColumnOrder], command: str) -> Dict[str, Any]:
    """Everything, as JSON can hold it.

    The ``source`` of a number is its place in ``sources``, which have the
    command, commit, versions, checkpoint and training.
    """
    sources = Sources()
    cells = [_cell(cell, scale, values, sources)
             for cell in experiment.cells]
    return jsonable({
        'schema': SCHEMA,
        'name': experiment.name,
        'title': experiment.title,
        'command': command,
        'scale': {'name': scale.name, 'images': scale.images,
                  'note': scale.note},
        'notes': experiment.notes,
        'lower_is_better': experiment.weaker_is_better,
        'cells': cells,
        'sources': sources.entries,
        'order': {
            'columns': [_order(order) for order in orders],
            'pairs': sum(order.pairs for order in orders),
            'same': sum(order.same for order in orders),
            'mean_tau_b': mean_tau(orders),
        },
    })


class Sources:
    """Sources of numbers, that of several cells once."""

    def __init__(self) -> None:
        self.entries: List[Dict[str, Any]] = []
        self._places: Dict[str, int] = {}

    def place(self, source: Dict[str, Any]) -> int:
        """Where a source is in the list, to which it is added if new."""
        place = self._places.setdefault(digest(source), len(self.entries))
        if place == len(self.entries):
            self.entries.append(source)
        return place


def _cell(cell: Cell, scale: Scale, values: Values,
          sources: Sources) -> Dict[str, Any]:
    found = values.get(cell) or ()
    number = summarize(found)
    return {
        'row': cell.row,
        'column': cell.column,
        'metric': cell.metric,
        'system': asdict(scale.resolve(cell.system)),
        'system_of_paper': asdict(cell.system),
        'attack': cell.trial.attack,
        'steps': cell.trial.steps,
        'surrogate': _name(cell.trial.surrogate, scale),
        'paper': cell.paper,
        'mean': None if number is None else float(number),
        'sample_std': (number.deviation if isinstance(number, Spread)
                       else None),
        'seeds': [{'seed': m.seed, 'value': m.value,
                   'source': sources.place(m.source)} for m in found],
    }


def _order(order: ColumnOrder) -> Dict[str, Any]:
    return {
        'table': order.board,
        'column': order.column,
        'metric': order.metric,
        'data_of_paper': order.data,
        'rows': len(order.here),
        'pairs': order.pairs,
        'same': order.same,
        'equal': order.tied,
        'tau_b': order.tau,
        'best_here': order.best_here,
        'best_in_paper': order.best_in_paper,
        'in_another_order': [
            {**asdict(pair), 'within_spread': pair.within_spread
             if pair.spread is not None else None}
            for pair in order.others],
    }
