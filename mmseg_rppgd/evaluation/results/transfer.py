"""Black-box attacks: adversarial images made on another model.

Adversarial images are made once and cached, as floating-point numbers and as
the 8-bit PNG that a file of them would be; both are tested, since rounding
costs an attack some of its strength.
"""
import os.path as osp
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ...metrics import SCALARS, compute_metrics
from ..files import jsonable
from ..plan.rows import Row
from .evidence import SLACK, make_check
from .results import stack_counts


def model_names(infos: Sequence[Dict[str, Any]]) -> List[str]:
    """Short names of models that differ."""
    names: List[str] = []
    for info in infos:
        name = osp.splitext(osp.basename(
            info['config'].rpartition('::')[2]))[0]
        count = sum(n == name or n.startswith(name + '#') for n in names)
        names.append(name if not count else f'{name}#{count + 1}')
    return names


def build_matrix(infos: Dict[str, Dict[str, Any]], rows: Sequence[Row],
                 clean: Dict[str, List[dict]],
                 records: Dict[Tuple[str, str], List[dict]],
                 classes: Sequence[str]) -> Dict[str, Any]:
    """Build the content of transfer.json.

    Args:
        infos (dict): Description of each model by name.
        rows (Sequence[Row]): The attacks.
        clean (dict): Records of the clean images by model.
        records (dict): Records by (key of the row, name of the source).
        classes (Sequence[str]): Names of the classes.
    """

    def metrics(counts: List[dict]) -> Dict[str, Optional[float]]:
        all_metrics = compute_metrics(
            stack_counts(counts, len(classes)), classes)
        return {k: all_metrics[k] for k in SCALARS}

    return {
        'schema': 1,
        'models': infos,
        'clean': {name: metrics(r) for name, r in clean.items()},
        'attacks': [{
            'name': row.name,
            'label': row.label,
            'config': jsonable(row.attack),
            'eps': row.eps,
            'matrix': {source: {target: {
                form: metrics([r['targets'][target][form]
                               for r in records[row.key, source]])
                for form in ('float', 'png')} for target in infos}
                for source in infos},
        } for row in rows],
    }


def matrix_check(matrix: Dict[str, Any]) -> Dict[str, Any]:
    """No model is attacked better by way of another one."""
    stronger = []
    for attack in matrix['attacks']:
        for target in matrix['models']:
            left = {source: cells[target]['float']['aAcc']
                    for source, cells in attack['matrix'].items()}
            stronger += [
                f'{attack["label"]} leaves {target} {value:.2f} aAcc when it '
                f'is made on {source} and {left[target]:.2f} white-box'
                for source, value in left.items()
                if value is not None and value < left[target] - SLACK]
    return make_check(
        'transfer is not stronger than white-box, matrix', not stronger,
        '; '.join(stronger) + '. The gradients of such a model are masked: '
        'call no number of its white-box test robust.' if stronger else
        'No model is left with less aAcc by attacks that are made on another '
        f'one (up to {SLACK} points).')
