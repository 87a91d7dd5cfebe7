"""Rows and probes that no model had to be run for."""
import re

from mmseg_rppgd.evaluation.plan.suites import make_plan
from mmseg_rppgd.evaluation.results.checks import Checker
from mmseg_rppgd.evaluation.results.results import RowResult
from mmseg_rppgd.evaluation.run.probes import (GRADIENT, choose_probes,
                                               follow_up)

PIXELS = 1000


def records(aacc, images=2, norm=0.03, **changes):
    right = round(PIXELS * aacc / 100)
    return [{'index': i, 'image': f'{i}.png', 'class': [0], 'tp': [right],
             'pred': [right], 'label': [PIXELS], 'eps': 0.03, 'rms': 0.03,
             'norm': norm, 'nan': 0, 'min': 0., 'max': 1., 'seconds': 1.,
             **changes} for i in range(images)]


def results(**aacc):
    """Rows by their command-line spelling, with their aAcc."""
    rows = []
    for text, value in aacc.items():
        name, steps = (*re.split(r'_(?=\d+$)', text), '')[:2]
        rows += [RowResult(row, records(value), 1) for row in make_plan(
            attacks=[name], steps=[int(steps)] if steps else ()).rows]
    return rows


def check(name, rows, **kwargs):
    checker = Checker(rows, kwargs.get('probes'), kwargs.get('found', {}),
                      kwargs.get('surface', 'whole'),
                      kwargs.get('transfer', False), 1)
    found = [c for c in checker.checks() if c['name'] == name]
    return found[0] if found else None


def point(**changes):
    return dict(finite=True, zero_share=0., gains=[1., 1., .9, .9, .8],
                off=0.05, still=0., blind=None, **changes)


def probed(rows, huge=1., noise=90., zero_share=0., finite=True, white=50.,
           pgd=50., fewer=60., huge_noise=1., square=95., scale_free=None,
           transfer=False):
    """Probes of rows with the aAcc that they left."""
    probes = choose_probes([r.row for r in rows], transfer)
    if scale_free is not None:
        probes = follow_up(probes, [r.row for r in rows])
    left = dict(noise=noise, huge=huge, white_box=white, pgd=pgd, fewer=fewer,
                huge_noise=huge_noise, square=square, scale_free=scale_free)
    found = {row.key: records(left[kind]) for kind in left
             for row in getattr(probes, kind)}
    found[GRADIENT] = [
        {'index': i, 'seen': [dict(
            differ=0., sure=0., lowest=-1., highest=2., sum_off=1., points=[
                dict(point(), zero_share=zero_share, finite=finite,
                     blind=zero_share or None)] * 2)]} for i in range(2)]
    return dict(probes=probes, found=found, transfer=transfer)
