"""Names as people type them."""
from mmseg_rppgd.metrics import METRICS
from mmseg_rppgd.names import SCALARS, did_you_mean, find_name


def test_the_exact_name_comes_first_and_doubt_is_no_name():
    names = ['PGD', 'Pgd']
    assert find_name('Pgd', names) == 'Pgd'
    assert find_name('pgd', names) is None
    assert find_name('pgd', ['PGD']) == 'PGD'


def test_a_hint_names_what_is_close_and_nothing_else():
    assert did_you_mean('rp-pdg', ['RPPGD', 'FGSM']) == (
        ' (did you mean RPPGD?)')
    assert did_you_mean('unlike', ['RPPGD', 'FGSM']) == ''


def test_every_metric_has_its_name():
    assert SCALARS == tuple(METRICS)
