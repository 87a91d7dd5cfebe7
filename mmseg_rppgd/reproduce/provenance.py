"""Where the numbers of an experiment come from, for a page."""
from typing import Any, Dict, Iterable, List, Tuple

from ..evaluation.report.writers import code, escape
from ..evaluation.results.environment import PACKAGES
from .boards import Values
from .experiments import Cell, Experiment
from .scales import Scale, System

HASH = 12  # characters of a checksum or commit that a page shows
Found = Tuple[System, int, Dict[str, Any]]  # with seed and source


def provenance(experiment: Experiment, scale: Scale, values: Values,
               command: str) -> str:
    """The section of a page: command, seeds, commits, machine, trainings."""
    found = list(_sources(experiment, scale, values))
    sources = [source for _, _, source in found]
    environments = [source['environment'] for source in sources]
    trainings = [source['training'] for source in sources
                 if source.get('training')]
    lines = ['## Provenance', '', f'- Command: {code(command)}',
             f'- Scale: {escape(scale.name)}']
    if not found:
        return '\n'.join([*lines, '- Nothing is measured yet.', ''])
    images = distinct(f'{source["dataset"]["num_images"]} of '
                      f'{source["dataset"]["type"]}' for source in sources)
    seeds = sorted({seed for _, seed, _ in found})
    lines += [
        f'- Images: {images}',
        f'- Seeds: {", ".join(map(str, seeds))}',
        f'- Commit of training: {_commits(trainings)}; of measurement: '
        f'{_commits(environments)}',
        f'- Device of training: {distinct(t["device"] for t in trainings)}; '
        f'of measurement: {distinct(e["device"] for e in environments)}',
        f'- Versions: {_versions([*trainings, *environments])}', '',
        'The command of each measurement is in '
        f'`{experiment.name}.json`; the trainings were:', '',
        '| system | seed | checkpoint, sha256 | training |',
        '|---|---|---|---|']
    lines += _training_rows(found)
    return '\n'.join([*lines, ''])


def _sources(experiment: Experiment, scale: Scale,
             values: Values) -> Iterable[Found]:
    """Every measurement, that of several cells once."""
    seen = set()
    cells: List[Cell] = [*experiment.cells, *experiment.pictures]
    for cell in cells:
        for m in values.get(cell) or ():
            system = scale.resolve(cell.system)
            key = system, m.seed, m.source['folder']
            if key not in seen:
                seen.add(key)
                yield system, m.seed, m.source


def distinct(values: Iterable[Any]) -> str:
    """Different values, in their order; a dash for none."""
    names = dict.fromkeys(str(value) for value in values if value is not None)
    return escape(', '.join(names)) or '-'


def _commits(entries: Iterable[Dict[str, Any]]) -> str:
    return distinct(entry['commit'] for entry in entries)


def _versions(entries: List[Dict[str, Any]]) -> str:
    return '; '.join(f'{name} {distinct(e.get(name) for e in entries)}'
                     for name in PACKAGES)


def _training_rows(found: Iterable[Found]) -> List[str]:
    rows: Dict[Tuple[System, int], str] = {}
    for system, seed, source in found:
        training = source.get('training')
        typed = ('-' if not training else
                 code(training['command']).replace('|', r'\|'))
        rows[system, seed] = (
            f'| {escape(str(system))} | {seed} | '
            f'`{source["model"]["sha256"][:HASH]}` | {typed} |')
    return list(rows.values())
