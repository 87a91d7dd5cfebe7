"""Words of the robust test that are refused before anything is loaded."""
import pytest

from mmseg_rppgd.commands import robust_test


@pytest.mark.parametrize('words, message', [
    (('--tta', ), '--tta cannot be attacked'),
    (('--limit', '0'), '--limit must be at least 1 image, but got 0'),
    (('--batch-size', '0'),
     '--batch-size must be at least 1 image, but got 0'),
    (('--seed', '-1'), '--seed must be >= 0, but got -1'),
    (('--seed', str(2**32)), '--seed must be less than 2**32 = 4294967296'),
])
def test_impossible_options_are_refused_before_loading(words, message,
                                                       capsys):
    with pytest.raises(SystemExit):
        robust_test.main(['no.py', 'no.pth', *words])
    assert message in capsys.readouterr().err
