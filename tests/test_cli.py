"""Which errors are answered in a sentence, and which keep a traceback."""
import os

import pytest

from mmseg_rppgd.attacks import PGD
from mmseg_rppgd.cli import errors_in_a_sentence
from mmseg_rppgd.registry import ATTACKS


def raise_ours():
    PGD(eps=8)  # the statement has several lines


def raise_unknown():
    ATTACKS.build(dict(type='PDG'))


def open_nothing():
    open(os.path.join('no', 'such', 'file'))


def import_what_is_missing():
    import no_such_module  # noqa: F401


@pytest.mark.parametrize('cause, message', [
    (raise_ours, r'^tool: eps must be in \[0, 1\]'),
    (raise_unknown, "^tool: unknown attack 'PDG'"),  # without its quotes
    (open_nothing, '^tool: .*such'),
    (import_what_is_missing, "^tool: No module named 'no_such_module'"),
])
def test_input_at_fault_gets_a_sentence(cause, message):
    with pytest.raises(SystemExit, match=message):
        with errors_in_a_sentence('tool'):
            cause()


def import_what_we_lack():
    from mmseg_rppgd.cli import no_such_name  # noqa: F401


def raise_elsewhere():
    raise ValueError('not of this package')


def convert_in_our_code():
    # The innermost line is of this package, and no raise statement.
    from mmseg_rppgd.config import require_checkpoint
    require_checkpoint(None)


def fail_otherwise():
    raise ZeroDivisionError


@pytest.mark.parametrize('cause, kind', [
    (raise_elsewhere, ValueError),
    (convert_in_our_code, TypeError),
    (import_what_we_lack, ImportError),
    (fail_otherwise, ZeroDivisionError),
])
def test_a_defect_keeps_its_traceback(cause, kind):
    with pytest.raises(kind):
        with errors_in_a_sentence('tool'):
            cause()
