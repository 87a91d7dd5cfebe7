"""Which model keeps most."""
from pathlib import Path

import pytest
from tiny_results import clean_result, row_results, rows_of, write_report

from mmseg_rppgd.evaluation.results.comparison import compare_tests
from mmseg_rppgd.evaluation.results.finished import FinishedTest
from mmseg_rppgd.evaluation.results.intervals import difference, draw_images
from mmseg_rppgd.evaluation.results.verdicts import verdicts

L2 = dict(type='BIM', norm='l2')


@pytest.fixture
def compared(tmp_path):
    """Compare models, told by the share of pixels that stay right."""

    def compare(*rights, attacks=('PGD', 'BIM'), metric='mIoU', forget=(),
                **settings):
        tests = []
        for i, right in enumerate(rights):
            rows = rows_of(*attacks, **settings)
            write_report(tmp_path / str(i), row_results(
                rows, [right * 0.9**k for k in range(len(rows))]),
                clean_result())
            tests.append(FinishedTest(str(tmp_path / str(i))))
        for i in forget:
            Path(tests[i].settings_file).unlink()
        names = 'abc'[:len(tests)]
        found = compare_tests(names, tests, metric)
        return tests, verdicts(found)

    return compare


def test_the_best_model_comes_first_with_what_it_leads_by(compared):
    tests, (verdict, ) = compared(0.3, 0.6, 0.5)
    assert [one.name for one in verdict.standings] == ['b', 'c', 'a']
    assert verdict.worst_case and verdict.attacks == 2
    assert (verdict.ball.norm, verdict.ball.text) == ('linf', '8/255')
    for one in verdict.standings:
        results = tests['abc'.index(one.name)].results
        assert one.left == results['worst_case']['mIoU_greedy']
        assert one.clean == results['clean']['mIoU']
        low, high = one.left_ends
        assert low <= one.left <= high
        assert list(one.attacks.values()) == [
            attack['mIoU'] for attack in results['attacks']]
    ours, others = (
        tests[i].worst_counts(dict(
            tests[i].results['attacks'][0]['threat'],
            **tests[i].results['worst_case']))['mIoU_greedy']
        for i in (2, 1))
    assert verdict.lead == difference(ours, others, 'mIoU', draw_images(3))
    assert verdict.lead['differs']


def test_every_ball_has_a_verdict(compared):
    _, given = compared(0.6, 0.3, attacks=('PGD', L2), eps=(0.01, 0.02))
    assert [(v.ball.norm, v.ball.text, v.attacks) for v in given] == [
        ('linf', '0.01', 1), ('linf', '0.02', 2), ('l2', 'rms 0.01', 1),
        ('l2', 'rms 0.02', 2)]
    assert all(v.worst_case for v in given)
    assert all([*one.attacks] for v in given for one in v.standings)


def test_without_a_worst_case_the_strongest_attack_on_each(compared):
    tests, (verdict, ) = compared(0.3, 0.6, metric='NmIoU')
    assert not verdict.worst_case and verdict.attacks == 2
    best = verdict.standings[0]
    assert best.name == 'b'
    assert best.left == min(a['NmIoU'] for a in tests[1].results['attacks'])


def test_a_low_misratio_is_better(compared):
    tests, (verdict, ) = compared(0.3, 0.6, metric='MisRatio')
    assert [one.name for one in verdict.standings] == ['b', 'a']
    assert verdict.standings[0].left == max(
        a['MisRatio'] for a in tests[1].results['attacks'])
    assert verdict.lead['value'] < 0


def test_one_model_leads_nobody(compared):
    _, (verdict, ) = compared(0.5)
    assert verdict.lead is None and verdict.standings[0].left_ends


def test_without_counts_there_are_no_intervals(compared):
    _, (verdict, ) = compared(0.5, 0.3, forget=[1])
    assert verdict.lead is None
    assert all(one.left_ends is one.clean_ends is None
               for one in verdict.standings)


def test_no_attack_is_no_verdict(compared):
    assert compared(0.5, 0.3, attacks=())[1] == []
