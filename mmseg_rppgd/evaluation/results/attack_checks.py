"""Self-checks that need attacks of their own, on a few images."""
from typing import List, Optional, Sequence, Tuple

from ..plan.rows import Row, ball_of
from ..run.probes import HUGE
from .evidence import SLACK, Check, Evidence, aacc_of, make_check
from .results import stack_counts

HUGE_LEAVES = 5  # percent of aAcc
HARDLY = 10  # points of aAcc above a constant prediction


def huge_eps(evidence: Evidence) -> Optional[Check]:
    """With every image allowed, almost no pixel is right.

    But for those that a model gets right without looking: because it knows
    the place, or has hardly learned anything.
    """
    huge, = evidence.probes.huge
    records = evidence.records[huge.key]
    if not any(any(r['label']) for r in records):
        return None  # nothing is labelled that could be wrong
    name = 'a huge eps breaks the model'
    left = evidence.probe_aacc(huge)
    did = (f'{HUGE["type"]} with eps=1, alpha=0.1 and 20 steps leaves '
           f'{left:.2f} aAcc')
    if left < HUGE_LEAVES:
        return make_check(name, True, f'{did}, under {HUGE_LEAVES}.')
    noise = min(map(evidence.probe_aacc, evidence.probes.huge_noise))
    labels = stack_counts(records, evidence.num_classes)[:, 2].sum(axis=0)
    constant = 100 * float(labels.max() / labels.sum())
    did += (f'; pure noise in place of the images leaves {noise:.2f}, and the '
            f'best constant prediction has {constant:.2f}')
    if left <= noise + SLACK:
        return make_check(
            name, True, f'{did}: so much the model gets right without '
            'looking, by the place or the commonest class.')
    clean = _clean_on(evidence, {r['index'] for r in records})
    if clean is not None and clean <= constant + HARDLY and (
            left <= constant + SLACK):
        return make_check(
            name, True, f'{did}: the model has hardly learned more than '
            f'that ({clean:.2f} aAcc of the clean images).')
    return make_check(
        name, False, f'{did}. It should leave under {HUGE_LEAVES}, or no more '
        'than noise does: the gradients mislead. Find the part of the model '
        'that hides them before believing any number above.')


def noise(evidence: Evidence) -> Optional[Check]:
    """Random noise does less than each attack."""
    if not evidence.probes.noise:
        return None
    left_by = {ball_of(row): evidence.probe_aacc(row)
               for row in evidence.probes.noise}
    stronger = [
        f'{row.label} leaves {left:.2f} aAcc, noise in its ball '
        f'{left_by[ball_of(row)]:.2f}' for row, left in evidence.white_box()
        if left_by[ball_of(row)] < left - SLACK]
    return make_check(
        'random noise is not stronger', not stronger,
        '; '.join(stronger) + '. Such an attack does worse than chance: do '
        'not use its row, and look for what misleads it in the model.'
        if stronger else
        'Random noise in the ball leaves no less aAcc than any attack '
        f'(up to {SLACK} points).')


def white_box(evidence: Evidence) -> Optional[Check]:
    """Knowing the model is no disadvantage."""
    if not evidence.probes.white_box:
        return None
    stronger = []
    for result, row in zip(evidence.rows, evidence.probes.white_box):
        white, black = evidence.probe_aacc(row), evidence.on_probed(result)
        if black < white - SLACK:
            stronger.append(f'{result.row.label} leaves {black:.2f} aAcc '
                            f'by transfer and {white:.2f} white-box')
    return make_check(
        'transfer is not stronger than white-box', not stronger,
        '; '.join(stronger) + '. The gradients of the tested model are '
        'masked: call no number of its white-box test robust.' if stronger
        else 'Every attack leaves more aAcc when it is made on the '
        'surrogate.')


def gradient_free(evidence: Evidence) -> Optional[Check]:
    """A search without gradients does not beat the white box."""
    return _compare(
        evidence, evidence.probes.square, 'a search without gradients is not '
        'stronger', 'A random search without gradients was tried',
        'Gradients that chance beats are masked: run Square with more steps '
        '(--attacks Square --steps 5000) and find what hides them.')


def scale_free(evidence: Evidence) -> Optional[Check]:
    """What failed probes asked for does not beat the rows."""
    return _compare(
        evidence, evidence.probes.scale_free,
        'scale-free attacks are not stronger',
        'As another check failed, each scale-free attack was tried',
        'The numbers above are too good: add them to --attacks.')


def _compare(evidence: Evidence, rows: Sequence[Row], name: str, what: str,
             advice: str) -> Optional[Check]:
    """Compare probes with the strongest white-box row of their balls."""
    best = evidence.strongest_white_box()
    pairs: List[Tuple[Row, float, Row, float]] = [
        (row, evidence.probe_aacc(row), *best[ball_of(row)])
        for row in rows if ball_of(row) in best]
    if not pairs:
        return None
    stronger = [pair for pair in pairs if pair[1] < pair[3] - SLACK]
    told = '; '.join(
        f'{_plain(row)} {left:.2f} (the strongest row, {strongest.label}, '
        f'{least:.2f})'
        for row, left, strongest, least in stronger or pairs)
    return make_check(
        name, not stronger, f'{what}. On the probed images it leaves this '
        f'aAcc: {told}. ' + (advice if stronger else 'It is not stronger.'))


def _plain(row: Row) -> str:
    """The label of a probe, without the mark that it is one."""
    return row.label.replace('check: ', '', 1)


def _clean_on(evidence: Evidence, indices: set) -> Optional[float]:
    """The aAcc of the clean images that were probed."""
    if evidence.clean is None:
        return None
    found = [r for r in evidence.clean.records if r['index'] in indices]
    return aacc_of(found, evidence.num_classes) if found else None
