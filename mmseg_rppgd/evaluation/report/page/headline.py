"""The answer of a report, in a sentence for each ball, and as bars."""
import math
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ....words import counted
from ...results.balls import inside, same_radius, strongest
from ...results.claim import doubts
from ..names import at, attack_words, readable_name
from ..tables import balls_with_intervals, row_intervals

Ends = Optional[Sequence[float]]


@dataclass(frozen=True)
class Sentence:
    """A sentence, of which a part stands out and a part is quiet.

    Args:
        subject (str): What it is about: its first words.
        before (str): What follows.
        strong (str): The finding. Defaults to none.
        after (str): What follows. Defaults to none.
        claim (str): Whether that supports a claim. Defaults to nothing said.
    """
    subject: str
    before: str
    strong: str = ''
    after: str = ''
    claim: str = ''

    @property
    def text(self) -> str:
        """str: The whole sentence."""
        return (f'{self.subject} {self.before}{self.strong}{self.after}'
                f'{self.claim}.')


@dataclass(frozen=True)
class Bar:
    """A metric from clean to its worst case.

    Args:
        name (str): What it is of.
        clean (float): The metric on clean images, in percent.
        worst (float, optional): In the worst case; None where there is none.
        clean_ends (sequence[float], optional): Interval of ``clean``.
        worst_ends (sequence[float], optional): Interval of ``worst``.
        attacks (sequence[tuple]): Names of single attacks, and the metric
            under each. Defaults to none.
        worst_name (str): What the worst case is called. Defaults to
            ``'worst case'``.
    """
    name: str
    clean: float
    worst: Optional[float]
    clean_ends: Ends = None
    worst_ends: Ends = None
    attacks: Sequence[Tuple[str, float]] = ()
    worst_name: str = 'worst case'

    @property
    def highest(self) -> float:
        """float: The largest number that is drawn."""
        ends = [*(self.clean_ends or ()), *(self.worst_ends or ())]
        return max([self.clean, self.worst or 0, *ends,
                    *(value for _, value in self.attacks)])


@dataclass(frozen=True)
class Headline:
    """What the top of a page says.

    Args:
        name (str): Name of the model.
        sentences (list[Sentence]): One for each ball; where there are
            several, one for all of them goes before.
        bars (list[Bar]): One for each ball. Defaults to none.
        scale (float): What the whole width of a bar stands for. Defaults to
            100.
    """
    name: str
    sentences: List[Sentence]
    bars: List[Bar] = field(default_factory=list)
    scale: float = 100.


def headline(results: Dict[str, Any],
             available: Optional[int] = None) -> Headline:
    """Say how robust a model is.

    Args:
        results (dict): Content of results.json.
        available (int, optional): Images of the data set. Defaults to None,
            which is not known.
    """
    name = readable_name(results['model'])
    clean, balls = results['clean']['mIoU'], balls_with_intervals(results)
    where = _on_images(results, available)
    if clean is None:
        return Headline(name, [Sentence(
            name, f'has no mIoU on {where}: no pixel is labelled')])
    if not balls:
        return Headline(name, [Sentence(
            name, 'has ', f'{clean:.1f} mIoU', f' on {where}; no attack ran '
            'at a fixed radius, so nothing is said of its robustness')],
            *_scaled([_bar('mIoU', results, None, 'mIoU')]))
    claims = [_claim(doubts(results, ball, available), ball)
              for ball in balls]
    if len(balls) == 1:
        return Headline(name, [_kept(
            name, results, balls[0], f', on {where}', claims[0])],
            *_scaled([_bar('mIoU', results, balls[0], 'mIoU'),
                      _bar('aAcc', results, balls[0], 'aAcc')]))
    alike = len(set(claims)) == 1
    sentences = [_over_all(name, results, balls, where,
                           claims[0] if alike else '')]
    sentences += [
        _kept(f'At {at(ball)} it', results, ball, '', '' if alike else claim)
        for ball, claim in zip(balls, claims)]
    return Headline(name, sentences, *_scaled(
        [_bar(at(ball), results, ball, 'mIoU') for ball in balls]))


def nice_scale(highest: float) -> float:
    """The end of an axis: the next of 10, 20 ... 100."""
    return min(100., max(10., 10. * math.ceil(highest / 10)))


def _on_images(results: Dict[str, Any], available: Optional[int]) -> str:
    images = results['dataset']['num_images']
    if available is None or images == available:
        return counted(images, 'image')
    return f'{images:,} of {counted(available, "image")}'


def _over_all(subject: str, results: Dict[str, Any],
              balls: Sequence[Dict[str, Any]], where: str,
              claim: str) -> Sentence:
    """What a model keeps in several balls."""
    clean = results['clean']['mIoU']
    left = [attack['mIoU'] for attack in (
        strongest(results, ball) for ball in balls) if attack is not None]
    if not left or not clean:
        return Sentence(subject, 'was attacked ', f'in {len(balls)} balls',
                        f' on {where}, with {clean:.1f} mIoU clean', claim)
    under = (f' under the strongest {_black_box(results)}attacks in '
             f'{len(balls)} balls, on {where}')
    if min(left) >= clean:
        return Sentence(subject, 'loses ', 'none of its mIoU',
                        f' ({clean:.1f}){under}', claim)
    shares = [share(end, clean) if end < clean else 'all'
              for end in (min(left), max(left))]
    return Sentence(subject, 'keeps ', ' to '.join(dict.fromkeys(shares)),
                    f' of its {clean:.1f} mIoU{under}', claim)


def _kept(subject: str, results: Dict[str, Any], ball: Dict[str, Any],
          where: str, claim: str) -> Sentence:
    """What a model keeps under the strongest attack in a ball."""
    clean, attack = results['clean']['mIoU'], strongest(results, ball)
    if attack is None:
        return Sentence(subject, 'has no mIoU under attack', '', where, claim)
    if not clean:
        return Sentence(subject, 'has ', 'no mIoU to lose', where, claim)
    left = attack['mIoU']
    numbers = f'{left:.1f} of {clean:.1f}'
    among = 'strongest' if len(inside(results, ball)) > 1 else 'only'
    under = f' under the {among} {_black_box(results)}attack'
    if not subject.startswith('At '):
        under += f' at {at(ball)}'
    under += f', {attack_words(attack)}'
    if not same_radius(attack, ball):
        under += f' at {at(attack["threat"])}'
    if left >= clean:
        return Sentence(subject, 'loses ', 'none of its mIoU',
                        f' ({numbers}){under}{where}', claim)
    return Sentence(subject, 'keeps ', share(left, clean),
                    f' of its mIoU ({numbers}){under}{where}', claim)


def _black_box(results: Dict[str, Any]) -> str:
    """What attacks are called that know another model alone."""
    threat = results['attacks'][0]['threat']  # one surrogate in all
    return '' if threat['surrogate'] is None else 'black-box '


def share(part: float, whole: float) -> str:
    """A part in whole percent; what is not quite nothing, or not quite all,
    is not called so."""
    percent = 100 * part / whole
    if 0 < percent < 0.5:
        return 'under 1 %'
    if 99.5 <= percent < 100:
        return 'over 99 %'
    return f'{percent:.0f} %'


def _claim(reasons: Sequence[str], ball: Dict[str, Any]) -> str:
    """Whether the worst case of a ball may be claimed; high or low."""
    if not reasons:
        return (f'; the worst case, {ball["mIoU_greedy"]:.1f}, supports a '
                'claim: all of the suite reliable ran, and every self-check '
                'passed')
    return f'; that supports no claim of robustness: {joined(reasons)}'


def joined(parts: Sequence[str]) -> str:
    """Clauses as one: a, b and c."""
    return ' and '.join(filter(None, [', '.join(parts[:-1]), parts[-1]]))


def _bar(name: str, results: Dict[str, Any], ball: Optional[Dict[str, Any]],
         metric: str) -> Optional[Bar]:
    clean = results['clean'][metric]
    if clean is None:
        return None
    ends = row_intervals(results)[0].get(metric)
    if ball is None:
        return Bar(name, clean, None, ends)
    key = {'mIoU': 'mIoU_greedy', 'aAcc': 'aAcc'}[metric]
    return Bar(
        name, clean, ball[key], ends, ball['intervals'].get(key),
        [(attack_words(a), a[metric]) for a in inside(results, ball)
         if a[metric] is not None])


def _scaled(bars: Sequence[Optional[Bar]]) -> Tuple[List[Bar], float]:
    """The bars that there are, and the scale of all."""
    drawn = [bar for bar in bars if bar is not None]
    return drawn, nice_scale(max((b.highest for b in drawn), default=0.))
