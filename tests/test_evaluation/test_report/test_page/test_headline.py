"""The answer of a report, in sentences and bars."""
import pytest
from tiny_results import check, clean_result, results_of, row_results, rows_of

from mmseg_rppgd.evaluation.plan.suites import make_plan
from mmseg_rppgd.evaluation.report.page.headline import (headline, joined,
                                                         nice_scale, share)

L2 = dict(type='BIM', norm='l2')


def of(*attacks, eps=('8/255', ), steps=(10, ), rights=None):
    return results_of(row_results(rows_of(*attacks, eps=eps, steps=steps),
                                  rights))


def texts(results, available=None):
    return [s.text for s in headline(results, available).sentences]


def test_one_ball_is_one_sentence():
    results = of('PGD', 'SegPGD', steps=(3, ), rights=[.6, .3])
    clean, left = results['clean']['mIoU'], results['attacks'][1]['mIoU']
    text, = texts(results, 101)
    assert text == (
        f'tiny keeps {100 * left / clean:.0f} % of its mIoU ({left:.1f} of '
        f'{clean:.1f}) under the strongest attack at linf 8/255, SegPGD with '
        '3 steps, on 3 of 101 images; that supports no claim of robustness: '
        'the suite reliable did not run, only 3 of 101 images were tested '
        'and the self-checks did not probe the model.')


def test_a_single_attack_is_not_called_the_strongest():
    text, = texts(of('PGD'))
    assert 'under the only attack at linf 8/255, PGD with 10 steps, on 3 ima' \
        in text


def test_a_claim_that_holds_is_said():
    rows = row_results(make_plan('reliable').rows)
    for result in rows:
        for record in result.records:
            record.update(eps=0.03, rms=0.03)
    results = results_of(rows, checks=[check('gradients are there')])
    worst = results['worst_case']['mIoU_greedy']
    text, = texts(results, 3)
    assert text.endswith(
        f'; the worst case, {worst:.1f}, supports a claim: all of the suite '
        'reliable ran, and every self-check passed.')
    assert 'on 3 images' in text


def test_several_balls_have_a_sentence_each_and_one_over_all():
    results = of('PGD', L2, eps=('4/255', '8/255'))
    first, *others = texts(results)
    assert first.startswith('tiny keeps ')
    assert ' % to ' in first and 'in 4 balls, on 3 images; that supports no ' \
        'claim' in first
    assert [text.partition(' it keeps')[0] for text in others] == [
        'At linf 4/255', 'At linf 8/255', 'At l2 rms 4/255',
        'At l2 rms 8/255']
    assert not any('claim' in text for text in others)
    assert all(text.endswith(' with 10 steps.') for text in others)
    assert [bar.name for bar in headline(results).bars] == [
        'linf 4/255', 'linf 8/255', 'l2 rms 4/255', 'l2 rms 8/255']


def test_balls_that_support_different_claims_say_so():
    results = of('PGD', eps=('0.5/255', '8/255'))
    first, small, large = texts(results)
    assert 'claim' not in first
    assert 'smaller than one level' in small
    assert 'claim' in large and 'smaller' not in large


def test_without_an_attack_the_clean_miou_is_said():
    results = results_of([])
    top = headline(results)
    assert top.sentences[0].text == (
        f'tiny has {results["clean"]["mIoU"]:.1f} mIoU on 3 images; no '
        'attack ran at a fixed radius, so nothing is said of its robustness.')
    bar, = top.bars
    assert bar.worst is None and bar.clean == results['clean']['mIoU']


def test_without_labels_nothing_is_kept():
    results = of('PGD')
    for metrics in (results['clean'], *results['attacks']):
        metrics.update(mIoU=None, aAcc=None)
    results['worst_case'].update(mIoU_greedy=None, aAcc=None)
    assert texts(results) == [
        'tiny has no mIoU on 3 images: no pixel is labelled.']
    assert headline(results).bars == []


def test_an_attack_that_does_nothing_takes_nothing():
    results = of('PGD', rights=[.95])
    text, = texts(results)
    assert text.startswith('tiny loses none of its mIoU (')
    first, *_ = texts(of('PGD', eps=('4/255', '8/255'), rights=[.95, .95]))
    assert ('loses none of its mIoU (82.1) under the strongest attacks in 2 '
            'balls, on 3 images') in first


def test_a_ball_that_takes_nothing_hides_no_other():
    first, *_ = texts(of('PGD', eps=(0, '8/255'), rights=[.9, .3]))
    assert first.startswith('tiny keeps 21 % to all of its 82.1 mIoU under ')


def test_attacks_that_know_another_model_are_called_black_box():
    surrogate = dict(config='other.py', checkpoint='o.pth', sha256='1')
    rows = row_results(rows_of('PGD', 'BIM', eps=('4/255', '8/255')))
    first, *balls = texts(results_of(rows, surrogate=surrogate))
    assert 'under the strongest black-box attacks in 2 balls' in first
    assert 'the attacks know another model, not this one' in first
    assert all('the strongest black-box attack, ' in text for text in balls)
    text, = texts(results_of(rows[:1], surrogate=surrogate))
    assert 'under the only black-box attack at linf 4/255, PGD' in text


def test_an_attack_of_a_smaller_radius_is_called_so():
    results = of('PGD', eps=('4/255', '8/255'), rights=[.3, .6])
    _, small, large = texts(results)
    assert 'PGD with 10 steps.' in small
    assert 'PGD with 10 steps at linf 4/255.' in large


def test_the_strongest_attack_is_that_on_miou():
    results = of('PGD', 'SegPGD', rights=[.3, .6])
    for attack, accuracy in zip(results['attacks'], (70., 10.)):
        attack['aAcc'] = accuracy
    text, = texts(results)
    assert 'the strongest attack at linf 8/255, PGD with' in text


def test_a_model_without_miou_has_none_to_lose():
    results = results_of(row_results(rows_of('PGD')), clean_result(0.))
    assert texts(results)[0].startswith('tiny has no mIoU to lose, on 3 ima')


def test_bars_are_those_of_the_results():
    results = of('PGD', 'SegPGD')
    miou, aacc = headline(results).bars
    worst, ends = results['worst_case'], results.intervals
    assert (miou.clean, miou.worst) == (
        results['clean']['mIoU'], worst['mIoU_greedy'])
    assert (aacc.clean, aacc.worst) == (results['clean']['aAcc'],
                                        worst['aAcc'])
    assert miou.worst_ends == ends['worst_case']['mIoU_greedy']
    assert aacc.clean_ends == ends['clean']['aAcc']
    assert [value for _, value in miou.attacks] == [
        a['mIoU'] for a in results['attacks']]
    assert headline(results).scale >= max(ends['clean']['aAcc'])


@pytest.mark.parametrize('part, text', [
    (0, '0 %'), (.001, 'under 1 %'), (1, '2 %'), (49.7, '99 %'),
    (49.9, 'over 99 %'), (50, '100 %')])
def test_what_is_not_nothing_or_not_all_is_not_called_so(part, text):
    assert share(part, 50) == text


def test_scales_end_at_round_numbers():
    assert [nice_scale(v) for v in (0, 9.9, 46.1, 50, 99.5, 100)] == [
        10, 10, 50, 50, 100, 100]


def test_clauses_are_joined():
    assert joined(['a']) == 'a'
    assert joined(['a', 'b', 'c']) == 'a, b and c'
