"""The ticks of axes."""
import pytest

from mmseg_rppgd.evaluation.report.scales import round_ticks


@pytest.mark.parametrize('most, texts', [
    (41.2, ['0', '10', '20', '30', '40', '50']),
    (100, ['0', '20', '40', '60', '80', '100']),
    (82.1, ['0', '20', '40', '60', '80', '100']),
    (0.034, ['0.00', '0.01', '0.02', '0.03', '0.04']),
    (1.2, ['0.00', '0.25', '0.50', '0.75', '1.00', '1.25']),
    (7, ['0', '2', '4', '6', '8'])])
def test_ticks_are_round_and_hold_the_largest_value(most, texts):
    assert [text for _, text in round_ticks(most)] == texts


@pytest.mark.parametrize('most', [1e-9, 0.3, 5, 9.99, 10.01, 255, 1e6])
def test_there_are_a_few_ticks_of_any_range(most):
    ticks = round_ticks(most)
    assert 3 <= len(ticks) <= 6
    assert ticks[0][0] == 0 and ticks[-1][0] >= most * (1 - 1e-9)
    assert [float(text) for _, text in ticks] == pytest.approx(
        [value for value, _ in ticks])
