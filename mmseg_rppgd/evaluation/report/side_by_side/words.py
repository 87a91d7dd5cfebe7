"""Which model keeps most, in sentences, and as bars."""
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ....words import counted
from ...results.balls import worst_balls
from ...results.claim import doubts
from ...results.comparison import Comparison, Key
from ...results.finished import FinishedTest
from ...results.verdicts import LOWER_IS_BETTER, Standing, Verdict
from ..names import at
from ..page.headline import Bar, Sentence, joined, share


def answer(found: Comparison, given: Sequence[Verdict],
           images: int) -> List[Sentence]:
    """Say which model keeps most, under what, and whether that is sure.

    Args:
        found (Comparison): What the reports say.
        given (sequence[Verdict]): Who keeps most in each ball.
        images (int): How many images were tested.

    Returns:
        list[Sentence]: One for each ball; where there are several, one for
        all of them goes before.
    """
    on_images = f' on {counted(images, "image")}'
    if not given:
        return [_nothing(found.names, on_images)]
    if len(given) == 1:
        return [_sentence(found, given[0], f',{on_images}')]
    return [_of_all(found, given, on_images),
            *(_sentence(found, verdict, '') for verdict in given)]


def _nothing(names: Sequence[str], on_images: str) -> Sentence:
    if len(names) == 1:
        return Sentence(names[0], 'met ', 'no attack', f'{on_images}, so '
                        'nothing is said of its robustness')
    return Sentence('The reports', 'share ', 'no attack', f'{on_images}, so '
                    'nothing is said of their robustness')


def _of_all(found: Comparison, given: Sequence[Verdict],
            on_images: str) -> Sentence:
    """The sentence on all balls."""
    balls = counted(len(given), 'ball')
    if len(found.names) == 1:
        return Sentence(found.names[0], 'was attacked ', f'in {balls}',
                        on_images)
    best = [[one.name for one in _best(verdict)] for verdict in given]
    same = len(best[0]) == 1 and best.count(best[0]) == len(best)
    return Sentence(best[0][0] if same else 'No model',
                    f'{_most(found.metric)} ', f'in all {balls}', on_images)


def _most(metric: str) -> str:
    return (f'has the lowest {metric}' if metric in LOWER_IS_BETTER else
            f'keeps most {metric}')


def _best(verdict: Verdict) -> List[Standing]:
    """The model that keeps most, or several that keep the same."""
    return [one for one in verdict.standings
            if one.left == verdict.standings[0].left]


def _sentence(found: Comparison, verdict: Verdict, where: str) -> Sentence:
    metric, first = found.metric, verdict.standings[0]
    lower = metric in LOWER_IS_BETTER
    at = f'{verdict.ball.norm} {verdict.ball.text}'
    under = f' under {_attacks(verdict, found.threat)}{where}'
    if len(verdict.standings) == 1:
        return Sentence(first.name, 'has ' if lower else 'keeps ',
                        _numbers(first, metric), f' {metric} at {at}{under}')
    best = _best(verdict)
    if len(best) > 1:
        verb = 'have' if lower else 'keep'
        return Sentence(
            joined([one.name for one in best]),
            f'{verb} the same {metric} at {at}: ', _numbers(first, metric),
            under)
    other = verdict.standings[1]
    verb = 'has' if lower else 'keeps'
    if len(verdict.standings) > 2:
        verb = f'comes next and {verb}'
    return Sentence(
        first.name, f'{_most(metric)} at {at}: ', _numbers(first, metric),
        f'{under}; {other.name} {verb} {_numbers(other, metric)}',
        _sure(verdict.lead))


def _numbers(one: Standing, metric: str) -> str:
    """What is left, of what there was."""
    if one.clean is None:
        return f'{one.left:.1f}'
    if metric in LOWER_IS_BETTER:
        return f'{one.left:.1f} (clean {one.clean:.1f})'
    kept = f' ({share(one.left, one.clean)})' if one.clean else ''
    return f'{one.left:.1f} of {one.clean:.1f}{kept}'


def _attacks(verdict: Verdict, threat: Dict[str, Any]) -> str:
    what = 'black-box attack' if threat.get('surrogate') else 'attack'
    count, words = counted(verdict.attacks, what), ''
    if threat.get('surface') == 'crop':
        words = ' by single windows'
    attacks = list(verdict.standings[0].attacks)
    if verdict.attacks == 1 and len(attacks) == 1:
        return f'the only {what}{words}, {attack_of(attacks[0])}'
    if verdict.worst_case:
        return f'the worst case of {count}{words}'
    return f'the strongest of {count}{words} on each'


def _sure(lead: Optional[Dict[str, Any]]) -> str:
    """Whether a difference is more than chance in the choice of images."""
    if lead is None or lead['interval'] is None:
        return '; whether other images would change that is not known'
    words = '{:+.2f} [{:+.2f}, {:+.2f}]'.format(
        lead['value'], *lead['interval'])
    than = 'more' if lead['differs'] else 'no more'
    return (f'; the difference, {words}, is {than} than other images of the '
            'kind would make')


def unclaimed(names: Sequence[str],
              tests: Sequence[FinishedTest]) -> List[str]:
    """Say whose numbers support no claim of robustness, and why.

    Args:
        names (sequence[str]): What the models are called.
        tests (sequence[FinishedTest]): Their reports.

    Returns:
        list[str]: A sentence for each ball and reason.
    """
    found: Dict[Tuple[str, str], List[str]] = {}
    for name, test in zip(names, tests):
        results = {'checks': [], **test.results}  # older reports have none
        for ball in worst_balls(results):
            reasons = doubts(results, ball, test.available)
            if reasons:
                found.setdefault((joined(reasons), at(ball)), []).append(name)
    return [f'{joined(of)} at {ball}: no claim of robustness is supported, '
            f'for {reasons}.' for (reasons, ball), of in found.items()]


def attack_of(key: Key) -> str:
    """An attack and its steps."""
    name, _, _, steps = key
    return name if steps is None else f'{name} with {counted(steps, "step")}'


def bars_of(verdict: Verdict) -> List[Bar]:
    """A bar of each model from clean to what is left, the best one first."""
    left = 'worst case' if verdict.worst_case else 'strongest attack'
    return [Bar(one.name, one.clean, one.left, one.clean_ends, one.left_ends,
                [(attack_of(key), value) for key, value in
                 one.attacks.items() if value is not None], left)
            for one in verdict.standings if one.clean is not None]
