"""Numbers as people type them."""
from fractions import Fraction

import pytest

from mmseg_rppgd.quantities import parse_number


@pytest.mark.parametrize('value, number', [
    ('8/255', 8 / 255), ('7.65/255', 0.03), ('0.03', 0.03), (2, 2.0),
    (Fraction(1, 4), 0.25), ('1e-3', 0.001)])
def test_numbers_and_fractions(value, number):
    assert parse_number('eps', value) == pytest.approx(number, abs=1e-15)


@pytest.mark.parametrize('value, error, message', [
    ('8/', ValueError, "eps must be a number or a fraction like '8/255'"),
    ('1/2/3', ValueError, "but got '1/2/3'"), ('1/0', ValueError, "'1/0'"),
    (float('inf'), ValueError, 'must be finite'),
    (True, TypeError, 'but got True'), (None, TypeError, 'but got None')])
def test_what_is_no_number_is_named(value, error, message):
    with pytest.raises(error, match=message):
        parse_number('eps', value)
