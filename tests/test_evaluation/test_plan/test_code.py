"""What identifies the code of somebody else in a test."""
import importlib
import sys
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from mmseg_rppgd.attacks import PGD
from mmseg_rppgd.evaluation.plan.code import classes_digest, code_digest
from mmseg_rppgd.evaluation.plan.rows import make_rows
from mmseg_rppgd.evaluation.plan.runs import group_rows


def flat(step, steps):
    return (1, 1, 1)


def test_plain_data_and_known_attacks_need_no_digest():
    assert code_digest(dict(type='RPPGD', regions='TB', eps=0.03,
                            feature_layer='backbone.layer4')) is None
    assert code_digest(dict(type=PGD, steps=3)) is None
    assert classes_digest(nn.Sequential(nn.Conv2d(3, 4, 1))) is None


def test_two_lambdas_differ_also_on_one_line():
    one, two, same = (lambda i, n: (1, 1, 1)), (lambda i, n: (1, 0, 1)), flat
    digests = [code_digest(dict(region_weights=f)) for f in (one, two, same)]
    assert None not in digests
    assert len(set(digests)) == 3


def weights(share):
    return lambda step, steps: (1, share, 1)


@pytest.mark.parametrize('one, other', [
    (weights(0.5), weights(0.25)),
    (partial(max, 1), partial(max, 2)),
    (np.arange(5000), np.arange(5000)[::-1]),
    (torch.tensor([1.]), torch.tensor([1. + 1e-6])),
    ([PGD(steps=3)], [PGD(steps=4)]),
], ids=['closure', 'partial', 'long array', 'digits', 'members'])
def test_what_a_name_or_a_print_does_not_tell_is_told_apart(one, other):
    assert code_digest(dict(a=one)) != code_digest(dict(a=other))
    assert code_digest(dict(a=one)) == code_digest(dict(a=one))


def test_the_same_code_has_the_same_digest_in_every_place():
    assert code_digest([weights(1), weights(1)]) == code_digest(
        [weights(1)] * 2)


ATTACK = '''
from mmseg_rppgd.attacks import PGD

FACTOR = {factor}

class Mine(PGD):
    pass

def half(step, steps):
    return FACTOR
'''


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Import a module of an attack, as it is after each edit."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, 'dont_write_bytecode', True)

    def edit(factor):
        (tmp_path / 'edited_attack.py').write_text(
            ATTACK.format(factor=factor))
        sys.modules.pop('edited_attack', None)
        importlib.invalidate_caches()
        return importlib.import_module('edited_attack')

    yield edit
    sys.modules.pop('edited_attack', None)


def test_an_edit_of_the_file_is_noticed_by_class_and_path(edited):
    seen = []
    for factor in (1, 2):
        module = edited(factor)
        seen.append((code_digest(dict(type=module.Mine)),
                     code_digest(dict(region_weights='edited_attack.half'))))
    assert seen[0][0] != seen[1][0]
    assert seen[0][1] != seen[1][1]


def test_rows_of_two_lambdas_are_two_rows_that_share_no_run():
    rows = [row for f in (lambda i, n: (1, 1, 1), lambda i, n: (1, 0, 1))
            for row in make_rows(
                dict(type='RPPGD', beta=1, region_weights=f), steps=[2, 3])]
    assert len({row.key for row in rows}) == 4
    assert len(group_rows(rows)) == 4 or all(
        len({id(r.attack['region_weights']) for r in run.rows}) == 1
        for run in group_rows(rows))


def test_a_long_name_gives_a_short_file_name():
    one, = make_rows(dict(type='PGD'), name='x' * 400)
    two, = make_rows(dict(type='PGD'), name='x' * 400 + 'y')
    assert len(one.key) < 160
    assert one.key != two.key


class Unreadable:
    """Something that cannot be told from others."""

    def __repr__(self):
        raise ValueError('it has no words')


def test_what_cannot_be_read_is_not_taken_for_nothing():
    def bound_to(number):
        held = ({Unreadable()}, number)
        return lambda step, steps: held

    with pytest.raises(ValueError, match='it has no words'):
        code_digest(bound_to(1))


def test_a_variable_that_is_not_set_yet_holds_nothing():
    def function():
        return later

    digest = code_digest(function)
    later = 1
    assert digest != code_digest(function) and later == 1
