"""Self-checks pass on sound numbers and fail on unsound ones."""
import pytest
from probed_rows import check, probed, results

from mmseg_rppgd.evaluation.results.checks import Checker


def test_sound_rows_pass_every_check():
    rows = results(PGD_3=40, PGD_10=20, APGD=10)
    checker = Checker(rows, *[probed(rows)[k] for k in ('probes', 'found')],
                      'whole', False, 1)
    checks = checker.checks()
    assert len({c['name'] for c in checks}) == len(checks) == 12
    assert all(c['passed'] and c['detail'].endswith('.') for c in checks)
    assert not checker.doubts()


def test_doubts_are_about_the_model():
    rows = results(PGD=50)
    rows[0].records[0].update(nan=1, max=1.1)
    settings = [probed(rows)[k] for k in ('probes', 'found')]
    assert not Checker(rows, *settings, 'whole', False, 1).doubts()
    settings = [probed(rows, square=30.)[k] for k in ('probes', 'found')]
    assert Checker(rows, *settings, 'whole', False, 1).doubts()


@pytest.mark.parametrize('changes', [
    dict(norm=0.0301), dict(min=-0.001), dict(max=1.001)])
def test_outside_the_ball(changes):
    row, = results(PGD=50)
    row.records[1].update(changes)
    found = check('in the ball', [row])
    assert not found['passed'] and '1.png' in found['detail']


def test_rounding_is_no_way_out_of_the_ball():
    row, = results(PGD=50)
    row.records[0]['norm'] = 0.03 + 5e-7
    assert check('in the ball', [row])['passed']


def test_nan_is_counted():
    row, = results(PGD=50)
    row.records[0]['nan'] = 7
    found = check('no NaN', [row])
    assert not found['passed'] and found['detail'].startswith('7 ')


def test_more_steps_that_are_weaker():
    name = 'more steps are not weaker'
    assert check(name, results(PGD_3=40, PGD_10=40.4))['passed']
    found = check(name, results(PGD_3=40, PGD_10=41))
    assert not found['passed'] and '1.00 points' in found['detail']


def test_steps_of_different_attacks_are_not_compared():
    assert check('more steps are not weaker',
                 results(PGD_3=40, CosPGD_10=60)) is None


def test_more_steps_are_probed_where_no_rows_tell():
    name, rows = 'more steps are not weaker', results(CosPGD_40=50, PGD_10=40)
    assert check(name, rows) is None
    found = check(name, rows, **probed(rows, fewer=45.))
    assert found['passed']
    assert 'PGD eps=0.03 steps=10 against 5' in found['detail']
    found = check(name, rows, **probed(rows, fewer=35.))
    assert not found['passed'] and '5.00 points' in found['detail']


def test_rows_made_on_a_surrogate_are_not_compared_with_each_other():
    rows = results(PGD_3=30, PGD_10=40, APGD=60)
    for name in ('more steps are not weaker', 'APGD is not weaker than PGD'):
        assert check(name, rows, **probed(rows, transfer=True)) is None


def test_every_attack_is_compared_with_noise():
    rows = results(PGD=40, CosPGD=92)
    found = check('random noise is not stronger', rows, **probed(rows))
    assert not found['passed'] and 'CosPGD eps=0.03 steps=10 leaves 92' in (
        found['detail'])


def test_nothing_labelled_is_no_failure():
    rows = results(PGD=40)
    settings = probed(rows)
    for record in settings['found'][settings['probes'].huge[0].key]:
        record.update(tp=[0], pred=[0], label=[0])
    assert check('a huge eps breaks the model', rows, **settings) is None


def test_searches_alone_are_checked_too():
    names = [c['name'] for c in Checker(
        [], *[probed([])[k] for k in ('probes', 'found')], 'whole', False, 1
    ).checks()]
    assert names == [
        'a huge eps breaks the model', 'gradients are there',
        'the loss follows its gradient', 'right pixels have a loss to climb',
        'logits are no probabilities', 'two predictions agree']


def test_apgd_weaker_than_pgd():
    name = 'APGD is not weaker than PGD'
    assert check(name, results(PGD_10=40, APGD_100=40))['passed']
    assert not check(name, results(PGD_10=40, APGD_100=44))['passed']


def test_apgd_of_few_steps_or_another_loss_is_not_compared_with_pgd():
    name = 'APGD is not weaker than PGD'
    assert check(name, results(PGD_10=40, APGD_10=60)) is None
    rows = results(**{'PGD_100': 40, 'APGD(pixel_loss=spherical)_100': 60})
    assert check(name, rows, **probed(rows, pgd=40.)) is None


def test_apgd_is_compared_with_a_probe_where_pgd_is_no_row():
    name, rows = 'APGD is not weaker than PGD', results(APGD_100=40, CosPGD=30)
    assert check(name, rows) is None
    assert check(name, rows, **probed(rows, pgd=40.))['passed']
    found = check(name, rows, **probed(rows, pgd=30.))
    assert not found['passed'] and '10.00 points' in found['detail']


def test_apgd_with_fewer_steps_is_not_compared():
    assert check('APGD is not weaker than PGD',
                 results(PGD_400=40, APGD_100=60)) is None


@pytest.mark.parametrize('name, bad', [
    ('a huge eps breaks the model', dict(huge=6.)),
    ('random noise is not stronger', dict(noise=30.)),
    ('gradients are there', dict(zero_share=0.7)),
    ('gradients are there', dict(zero_share=1.)),
    ('a search without gradients is not stronger', dict(square=30.)),
    ('gradients are there', dict(finite=False)),
])
def test_probes_that_fail(name, bad):
    rows = results(PGD=40)
    assert check(name, rows, **probed(rows))['passed']
    assert not check(name, rows, **probed(rows, **bad))['passed']


def test_transfer_stronger_than_white_box():
    name = 'transfer is not stronger than white-box'
    rows = results(PGD=40)
    assert check(name, rows, **probed(rows)) is None
    sound, unsound = (probed(rows, white=w, transfer=True) for w in (30, 60))
    assert check(name, rows, **sound)['passed']
    found = check(name, rows, **unsound)
    assert not found['passed'] and '60.00 white-box' in found['detail']
