"""Who keeps most, in words."""
import json
import re
from pathlib import Path

import pytest
from tiny_results import INFO

from mmseg_rppgd.evaluation.report.side_by_side.report import SideBySide
from mmseg_rppgd.evaluation.report.side_by_side.words import bars_of


def said(compared):
    return [sentence.text for sentence in compared.sentences]


def test_the_best_model_and_what_it_leads_by(side_by_side):
    compared = side_by_side(0.3, 0.6)
    best, other = compared.verdicts[0].standings
    text, = said(compared)
    lead = compared.verdicts[0].lead
    low, high = lead['interval']
    assert text == (
        f'two keeps most mIoU at linf 8/255: {best.left:.1f} of '
        f'{best.clean:.1f} ({100 * best.left / best.clean:.0f} %) under the '
        f'worst case of 2 attacks, on 3 images; one keeps {other.left:.1f} '
        f'of {other.clean:.1f} ({100 * other.left / other.clean:.0f} %); the '
        f'difference, {lead["value"]:+.2f} [{low:+.2f}, {high:+.2f}], is '
        'more than other images of the kind would make.')


def test_a_difference_that_other_images_may_undo(side_by_side):
    text, = said(side_by_side(0.6, 0.602))
    assert 'is no more than other images of the kind would make.' in text


def test_of_three_models_the_next_is_named(side_by_side):
    text, = said(side_by_side(0.3, 0.6, 0.5))
    assert text.startswith('two keeps most') and 'three comes next' in text
    assert 'one' not in text.split()


def test_equal_models_are_called_equal(side_by_side):
    text, = said(side_by_side(0.5, 0.5))
    assert text.startswith('one and two keep the same mIoU at linf 8/255: ')
    assert 'difference' not in text


def test_balls_have_a_sentence_each_and_one_for_all(side_by_side):
    texts = said(side_by_side(0.6, 0.3, eps=('4/255', '8/255')))
    assert texts[0] == 'one keeps most mIoU in all 2 balls on 3 images.'
    assert [re.search(r'at (\S+ \S+):', text).group(1)
            for text in texts[1:]] == ['linf 4/255', 'linf 8/255']


def test_what_attackers_know_and_show_is_said(side_by_side):
    text, = said(side_by_side(0.6, 0.3, model=dict(surrogate=INFO)))
    assert 'under the worst case of 2 black-box attacks, on 3 images' in text
    text, = said(side_by_side(0.6, attacks=('PGD', ), names=('other', ),
                              model=dict(surface='crop', surrogate=INFO)))
    assert 'under the only black-box attack by single windows, PGD' in text


def test_whose_numbers_support_no_claim_is_said(side_by_side):
    compared = side_by_side(0.6, 0.3, eps=('0.5/255', '8/255'))
    small, large = compared.unclaimed
    assert small.startswith(
        'one and two at linf 0.001961: no claim of robustness is supported, '
        'for the ball is smaller than one level of a picture, the suite ')
    assert large == (
        'one and two at linf 8/255: no claim of robustness is supported, for '
        'the suite reliable did not run and the self-checks did not probe '
        'the model.')
    assert large in compared.lines
    del compared.tests[0].results['checks']
    assert compared.unclaimed == [small, large]
    assert side_by_side(0.6, attacks=(), names=('none', )).unclaimed == []


def test_a_part_of_the_images_supports_no_claim(side_by_side):
    compared = side_by_side(0.6, names=('one', ))
    path = Path(compared.tests[0].settings_file)
    settings = json.loads(path.read_text())
    path.write_text(json.dumps(dict(settings, available=101)))
    text, = compared.unclaimed
    assert 'only 3 of 101 images were tested' in text


def test_more_under_attack_than_without_is_warned_of(side_by_side):
    compared = side_by_side(0.6, 0.3)
    assert compared.warnings() == []
    results = compared.tests[1].results
    results['attacks'][0]['mIoU'] = results['clean']['mIoU'] + 1
    warning, = compared.warnings()
    assert warning.startswith(
        'two has 1 row with more mIoU than on clean images. ')
    assert warning in compared.lines


def test_one_model_and_one_attack(side_by_side):
    text, = said(side_by_side(0.5, attacks=('PGD', )))
    assert re.fullmatch(
        r'one keeps \S+ of \S+ \(\d+ %\) mIoU at linf 8/255 under the only '
        r'attack, PGD with 10 steps, on 3 images\.', text)


@pytest.mark.parametrize('metric, verb', [
    ('MisRatio', 'has the lowest MisRatio'), ('CmIoU', 'keeps most CmIoU')])
def test_a_metric_without_a_worst_case(side_by_side, metric, verb):
    text, = said(side_by_side(0.3, 0.6, metric=metric))
    assert text.startswith(f'two {verb} at linf 8/255: ')
    assert 'under the strongest of 2 attacks on each' in text


@pytest.mark.parametrize('rights, text', [
    ((0.5, ), 'one met no attack on 3 images, so nothing is said of its '
     'robustness.'),
    ((0.5, 0.4), 'The reports share no attack on 3 images, so nothing is '
     'said of their robustness.')])
def test_without_an_attack_nothing_is_claimed(side_by_side, rights, text):
    assert said(side_by_side(*rights, attacks=())) == [text]


def test_without_counts_the_difference_is_not_called_sure(side_by_side):
    compared = side_by_side(0.5, 0.4)
    Path(compared.tests[1].settings_file).unlink()
    again = SideBySide(compared.found.names,
                       [test.folder for test in compared.tests], 'mIoU')
    text, = said(again)
    assert text.endswith('; whether other images would change that is not '
                         'known.')


def test_bars_run_from_clean_to_the_worst_case(side_by_side):
    compared = side_by_side(0.3, 0.6)
    bars = bars_of(compared.verdicts[0])
    assert [bar.name for bar in bars] == ['two', 'one']
    for bar, test in zip(bars, compared.tests[::-1]):
        results = test.results
        assert bar.clean == results['clean']['mIoU']
        assert bar.worst == results['worst_case']['mIoU_greedy']
        assert bar.attacks == [(f'{a["name"]} with 10 steps', a['mIoU'])
                               for a in results['attacks']]
        assert bar.worst_ends[0] <= bar.worst <= bar.worst_ends[1]
