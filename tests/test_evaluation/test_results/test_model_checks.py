"""Masked networks are found, sound ones are not accused."""
import pytest
from masked_networks import MASKED, SOUND, Behind
from toy_networks import CLASSES, toy_data

from mmseg_rppgd.evaluation import TestedModel
from mmseg_rppgd.evaluation.results.checks import Checker
from mmseg_rppgd.evaluation.results.evidence import Evidence
from mmseg_rppgd.evaluation.results.model_checks import (gradient_there,
                                                         loss_follows,
                                                         one_answer,
                                                         real_logits,
                                                         something_to_climb)
from mmseg_rppgd.evaluation.run.jobs import GradientJob
from mmseg_rppgd.evaluation.run.probes import GRADIENT, choose_probes

KINDS = (gradient_there, loss_follows, something_to_climb, real_logits,
         one_answer)


def checks_of(function):
    network = Behind(function)
    model = TestedModel(network, CLASSES)
    data = toy_data(3, network=network)
    samples = list(model.samples(data, range(3)))
    records = [r[GRADIENT] for r in GradientJob(model)(samples)]
    evidence = Evidence([], choose_probes([], False), {GRADIENT: records},
                        'whole', False, 4)
    return [kind(evidence) for kind in KINDS]


@pytest.mark.parametrize('name', MASKED)
def test_a_masked_network_is_found(name):
    function, finding = MASKED[name]
    failed = [c for c in checks_of(function) if not c['passed']]
    check, = [c for c in failed if c['name'].startswith(finding)]
    # What was found, and what to do: two sentences at least.
    assert check['detail'].count('. ') + check['detail'].count(': ') >= 1
    assert check['name'] not in check['detail']
    assert check['detail'].endswith('.')


@pytest.mark.parametrize('name', SOUND)
def test_a_sound_network_passes(name):
    checks = checks_of(SOUND[name])
    assert [c['detail'] for c in checks if not c['passed']] == []
    assert all(c['detail'].endswith('.') for c in checks)


def test_an_image_without_labels_says_nothing():
    evidence = Evidence([], choose_probes([], False), {
        GRADIENT: [{'index': 0, 'seen': []}]}, 'whole', False, 4)
    assert [kind(evidence) for kind in KINDS] == [None] * len(KINDS)


def test_gradients_that_are_no_numbers():
    point = dict(finite=False, zero_share=0.)
    seen = dict(differ=0., sure=0., lowest=-1., highest=1., sum_off=1.,
                points=[point, point])
    evidence = Evidence([], choose_probes([], False), {
        GRADIENT: [{'index': 0, 'seen': [seen]}]}, 'whole', False, 4)
    check = gradient_there(evidence)
    assert not check['passed'] and 'not finite' in check['detail']
    assert loss_follows(evidence) is None


def test_a_failed_row_check_alone_asks_for_no_attacks():
    assert not Checker([], None, {}, 'whole', False, 4).doubts()
