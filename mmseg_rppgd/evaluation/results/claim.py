"""Whether a report supports a claim of robustness, and why it does not."""
import math
from typing import Any, Dict, List, Optional

from ...attacks.threat_model import LEVEL
from ...words import counted
from ..files import jsonable
from ..plan.rows import Row
from ..plan.suites import make_plan
from .balls import inside

SUITE = 'reliable'
# Only where the model was probed; a report of an unlabelled set has neither.
PROBED = ('a huge eps breaks the model', 'gradients are there')
# Counted in the training labels, which differ from data set to data set.
COUNTED = 'class_counts'


def doubts(results: Dict[str, Any], ball: Dict[str, Any],
           available: Optional[int] = None) -> List[str]:
    """Say why a report supports no claim of robustness in a ball.

    A claim needs the suite ``reliable``, white-box, over all images, and
    self-checks that passed.

    Args:
        results (dict): Content of results.json.
        ball (dict): ``norm``, ``eps`` and ``rms`` of the ball.
        available (int, optional): Images of the data set. Defaults to None,
            which is not known.

    Returns:
        list[str]: Clauses; none where nothing is wrong.
    """
    found = []
    threat = results['attacks'][0]['threat']
    if threat['surrogate'] is not None:
        found.append('the attacks know another model, not this one')
    if threat['surface'] == 'crop':
        found.append('every window was attacked by itself, which makes no '
                     'adversarial image')
    rms = ball['eps'] if ball['norm'] == 'linf' else ball['rms']
    if rms is not None and rms < LEVEL:
        found.append('the ball is smaller than one level of a picture')
    found += missing_members(results, ball)
    images = results['dataset']['num_images']
    if available is not None and images < available:
        found.append(f'only {images:,} of {available:,} images were tested')
    return found + _checks(results)


def _checks(results: Dict[str, Any]) -> List[str]:
    """What is wrong with the self-checks."""
    checks = results['checks']
    failed = sum(not check['passed'] for check in checks)
    if failed:
        return [f'{counted(failed, "self-check")} failed']
    if not any(check['name'] in PROBED for check in checks):
        return ['the self-checks did not probe the model']
    return []


def missing_members(results: Dict[str, Any],
                    ball: Dict[str, Any]) -> List[str]:
    """Say whether attacks of the suite ``reliable`` did not run in a ball."""
    members = make_plan(SUITE).rows
    if all(row.norm == ball['norm'] for row in members):
        members = make_plan(SUITE, eps=[ball['eps']]).rows
    rows = inside(results, ball)
    ran = [any(_alike(a, member) for a in rows) for member in members]
    if not any(ran):
        return [f'the suite {SUITE} did not run']
    if all(ran):
        return []
    return [f'only {sum(ran)} of the {len(members)} attacks of the suite '
            f'{SUITE} ran']


def _alike(attack: Dict[str, Any], member: Row) -> bool:
    """Whether a row is a member of the suite, with all of its settings."""
    if attack['name'] != member.name:  # it may be one that cannot be built
        return False
    found, wanted = attack['config'], jsonable(member.full_config)
    return all(
        key in found and _same(found[key], value)
        for key, value in wanted.items() if key != COUNTED)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other)  # eps may have been read off images
    return one == other
