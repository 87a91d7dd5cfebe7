"""The rows inside a ball."""
from tiny_results import results_of, row_results, rows_of

from mmseg_rppgd.evaluation.results.balls import inside, strongest, worst_balls

L2 = dict(type='BIM', norm='l2')


def test_a_ball_has_the_rows_of_its_norm_up_to_its_radius():
    results = results_of(row_results(rows_of('PGD', L2, eps=(0.01, 0.02))))
    pgd, larger, *bim = results['attacks']
    small, large, l2_small, l2_large = worst_balls(results)
    assert inside(results, small) == [pgd]
    assert inside(results, large) == [pgd, larger]
    assert inside(results, l2_small) == bim[:1]
    assert inside(results, l2_large) == bim


def test_the_strongest_leaves_the_lowest_miou():
    rows = row_results(rows_of('PGD', 'SegPGD', 'BIM'), [.5, .1, .3])
    results = results_of(rows)
    ball, = worst_balls(results)
    assert strongest(results, ball)['name'] == 'SegPGD'
    results['attacks'][1]['mIoU'] = None
    assert strongest(results, ball)['name'] == 'BIM'
    results['attacks'] = []
    assert strongest(results, ball) is None
