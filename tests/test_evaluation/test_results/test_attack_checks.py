"""Checks that need attacks of their own."""
from masked_networks import MASKED, SOUND, Behind
from probed_rows import check, probed, records, results
from toy_networks import CLASSES, toy_data

from mmseg_rppgd.evaluation import TestedModel, evaluate
from mmseg_rppgd.evaluation.results.checks import Checker
from mmseg_rppgd.evaluation.results.results import CleanResult

HUGE = 'a huge eps breaks the model'
SCALE_FREE = 'scale-free attacks are not stronger'
SQUARE = 'a search without gradients is not stronger'


def huge(left, noise, clean, constant=60):
    """The check of a model with so much aAcc, on two classes."""
    rows = results(PGD=left)
    settings = probed(rows, huge=left, huge_noise=noise)
    for record in settings['found'][settings['probes'].huge[0].key]:
        record.update({'class': [0, 1], 'tp': [10 * left, 0],
                       'pred': [10 * left, 0],
                       'label': [10 * constant, 1000 - 10 * constant]})
    checker = Checker(rows, settings['probes'], settings['found'], 'whole',
                      False, 2, CleanResult(records(clean), 2))
    found, = [c for c in checker.checks() if c['name'] == HUGE]
    return found


def test_what_is_right_without_looking_is_no_failure():
    place = huge(left=40, noise=41, clean=80)
    assert place['passed'] and 'without looking' in place['detail']
    young = huge(left=58, noise=20, clean=62)
    assert young['passed'] and 'hardly learned' in young['detail']
    for found in (place, young):
        assert 'constant prediction has 60.00' in found['detail']


def test_what_a_gradient_hides_is_one():
    masked = huge(left=40, noise=20, clean=90)
    assert not masked['passed'] and 'mislead' in masked['detail']


def test_a_failed_search_names_both_numbers():
    rows = results(PGD=60, CosPGD=50)
    assert check(SQUARE, rows, **probed(rows, square=49.8))['passed']
    found = check(SQUARE, rows, **probed(rows, square=30))
    assert not found['passed']
    assert 'Square eps=0.03 steps=100 30.00' in found['detail']
    assert 'CosPGD eps=0.03 steps=10, 50.00' in found['detail']


def test_scale_free_attacks_are_compared_once_they_were_run():
    rows = results(PGD=60)
    assert check(SCALE_FREE, rows, **probed(rows)) is None
    assert check(SCALE_FREE, rows, **probed(rows, scale_free=60.))['passed']
    found = check(SCALE_FREE, rows, **probed(rows, scale_free=20.))
    assert not found['passed'] and found['detail'].count(' 20.00 ') == 3


def test_attacks_on_a_surrogate_are_not_what_a_search_is_compared_with():
    rows = results(PGD=90)
    settings = probed(rows, white=40., square=60., transfer=True)
    assert check(SQUARE, rows, **settings)['passed']


def report(function, **kwargs):
    network = Behind(function)
    data = toy_data(3, network=network)
    results = evaluate(TestedModel(network, CLASSES), data, attacks=['PGD'],
                       steps=[6], eps=['16/255'], quiet=True, batch_size=3,
                       **kwargs)
    return results, {c['name']: c for c in results['checks']}


def test_a_masked_network_is_attacked_otherwise_and_a_sound_one_is_not():
    results, checks = report(MASKED['logits x 1000'][0])
    assert not checks['right pixels have a loss to climb']['passed']
    assert not checks[SCALE_FREE]['passed']
    assert 'PAdam, cosine loss eps=16/255' in checks[SCALE_FREE]['detail']
    # The rows are those that were asked for.
    assert [a['name'] for a in results['attacks']] == ['PGD']
    sound, checks = report(SOUND['plain'])
    assert SCALE_FREE not in checks and checks[SQUARE]['passed']
    assert [c['detail'] for c in checks.values() if not c['passed']] == []


def test_a_search_finds_what_a_cut_off_gradient_hides():
    _, checks = report(lambda n, x: n(x.detach()) + 0 * x.sum())
    assert not checks[SQUARE]['passed']
    assert not checks['gradients are there']['passed']


def test_a_network_that_knows_the_place_passes(tmp_path):
    _, checks = report(SOUND['in its place'], out_dir=str(tmp_path))
    assert 'without looking' in checks[HUGE]['detail']
    assert checks[HUGE]['passed']
    assert checks[HUGE]['detail'] in (tmp_path / 'table.md').read_text()


def test_more_probes_are_resumed(tmp_path):
    first, _ = report(MASKED['logits x 1000'][0], out_dir=str(tmp_path))
    calls = []

    def counted(network, images):
        calls.append(len(images))
        return 1000 * network(images)

    network = Behind(counted)
    data = toy_data(3, network=Behind(MASKED['logits x 1000'][0]))
    calls.clear()
    again = evaluate(TestedModel(network, CLASSES), data, attacks=['PGD'],
                     steps=[6], eps=['16/255'], quiet=True, batch_size=3,
                     out_dir=str(tmp_path), resume=True)
    assert calls == [] and again['checks'] == first['checks']
