"""Jobs: what is recorded of clean and attacked images."""
import pytest
import torch
from toy_networks import CLASSES, ToyNetwork, toy_data, toy_model

from mmseg_rppgd.evaluation import TestedModel
from mmseg_rppgd.evaluation.plan.rows import make_rows
from mmseg_rppgd.evaluation.plan.runs import AttackRun, group_rows
from mmseg_rppgd.evaluation.plan.suites import make_plan
from mmseg_rppgd.evaluation.run.attack_job import (AttackJob,
                                                   measure_perturbation,
                                                   round_to_8bit)
from mmseg_rppgd.evaluation.run.images import AdversaryCache
from mmseg_rppgd.evaluation.run.jobs import CleanJob, GradientJob, SearchJob
from mmseg_rppgd.evaluation.run.probes import GRADIENT


def samples(model, data):
    return list(model.samples(data, range(len(data))))


def attack_records(model, data, runs, **kwargs):
    found = {}
    for run in runs:
        job = AttackJob(run, kwargs.get('source', model), {'': model}, 0,
                        cache=kwargs.get('cache'))
        for records in job(samples(model, data)):
            for key, record in records.items():
                found.setdefault(key, []).append(record)
    for records in found.values():
        for record in records:
            del record['seconds']
    return found


def test_rows_read_off_one_run_are_those_of_their_own():
    model, data = toy_model(), toy_data(3)
    rows = make_plan(attacks=['PGD', 'CosPGD'], steps=[2, 5]).rows
    together = attack_records(model, data, group_rows(rows))
    apart = attack_records(model, data, [AttackRun([row]) for row in rows])
    assert len(group_rows(rows)) == 2 and together == apart


def test_a_curve_has_a_point_for_every_step():
    model, data = toy_model(), toy_data(2)
    row, = make_rows(dict(type='PGD', steps=3), trace=True)
    records = attack_records(model, data, [AttackRun([row])])[row.key]
    for record in records:
        assert len(record['curve']) == 3
        assert record['curve'][-1]['tp'] == record['tp']


def test_an_image_without_labels_stays_and_has_a_flat_curve():
    model = toy_model()
    image, labels = toy_data(1)[0]
    row, = make_rows(dict(type='PGD', steps=3), trace=True)
    record, = attack_records(model, [(image, torch.full_like(labels, 255))],
                             [AttackRun([row])])[row.key]
    assert record['norm'] == 0 and record['label'] == []
    assert record['curve'] == [{k: [] for k in ('class', 'tp', 'pred',
                                                'label')}] * 3


def test_adversaries_of_a_surrogate_are_made_once(tmp_path):
    model, data = toy_model(), toy_data(2)
    other = TestedModel(ToyNetwork(seed=1).eval(), CLASSES)
    runs = group_rows(make_plan(attacks=['PGD'], steps=[2, 4]).rows)
    cache = AdversaryCache(str(tmp_path), dict(other.settings, fp16=False),
                           'whole', 0)
    first = attack_records(model, data, runs, source=other, cache=cache)
    assert all('rounded' in r for records in first.values() for r in records)

    def never(*args, **kwargs):
        raise AssertionError('attacked again')

    other.attack = never
    again = attack_records(model, data, runs, source=other, cache=cache)
    assert again == first


def test_searches_find_a_distance_or_say_that_there_is_none():
    model, data = toy_model(), toy_data(2)
    image, labels = data[0]
    data.append((image, torch.full_like(labels, 255)))
    row, = make_plan(minimal=['DeepFool(steps=20, threshold=0.3)']).minimal
    *found, unlabelled = [r[f'minimal-{row.key}'] for r in SearchJob(
        row, model)(samples(model, data))]
    assert not unlabelled['labelled'] and unlabelled['norm'] is None
    assert all(r['labelled'] and 0 <= r['norm'] < 1 for r in found)


def test_vanishing_gradients_are_recorded():
    network = ToyNetwork().eval()
    left = torch.ones(12)
    left[:4] = 0

    def masked(images):
        return network(images * left)

    for model, least, most in ((toy_model(), 0, 0.05), (
            TestedModel(masked, CLASSES), 0.2, 0.4)):
        record, = [r[GRADIENT] for r in GradientJob(model)(
            samples(model, toy_data(1)))]
        point = record['seen'][0]['points'][0]
        assert point['finite'] and least <= point['zero_share'] <= most


def test_hooks_see_every_clean_image_before_and_after():
    model, seen = toy_model(), []
    job = CleanJob(model, before=lambda s: seen.append(('before', s.index)),
                   after=lambda s, out: seen.append((s.index, len(out))))
    job(samples(model, toy_data(2)))
    assert sorted(map(str, seen)) == sorted(map(str, [
        ('before', 0), ('before', 1), (0, 1), (1, 1)]))


def test_size_of_a_perturbation_leaves_out_what_is_no_number():
    clean = torch.zeros(3, 2, 2)
    image = clean.clone()
    image[0, 0, 0], image[1, 1, 1] = 0.3, float('nan')
    found = measure_perturbation(clean, image, 'linf')
    assert found['nan'] == 1 and found['norm'] == pytest.approx(0.3)
    image[2, 0, 0] = 0.4
    assert measure_perturbation(clean, image, 'l2')['norm'] == pytest.approx(
        0.5)


def test_rounded_image_stays_in_the_ball():
    row, = make_rows(dict(type='PGD', eps=0.03))
    clean = torch.randint(256, (3, 20, 20)) / 255
    image = (clean + 0.03 * torch.randn(3, 20, 20).sign()).clamp(0, 1)
    rounded = round_to_8bit(image, clean, row)
    assert (rounded - clean).abs().max() <= 0.03 + 1e-6
    assert torch.equal((rounded * 255).round() / 255, rounded)


def test_rounding_changes_less_than_a_level():
    row, = make_rows(dict(type='PGD', eps='8/255'))
    clean = torch.randint(256, (3, 20, 20)) / 255
    image = (clean + 8 / 255 * (2 * torch.rand(3, 20, 20) - 1)).clamp(0, 1)
    rounded = round_to_8bit(image, clean, row)
    assert (rounded - image).abs().max() <= 0.5 / 255 + 1e-6
