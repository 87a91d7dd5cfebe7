"""The worst case over an ensemble of attacks."""
import itertools

import numpy as np
import pytest
from tiny_results import random_counts

from mmseg_rppgd.evaluation.results.worst_case import (greedy_choice,
                                                       lowest_accuracy,
                                                       worst_case)
from mmseg_rppgd.metrics import accuracy, mean_iou


def names(counts):
    return [{'name': str(m)} for m in range(len(counts))]


def test_hand_computed():
    # Two images of ten pixels of one class: right pixels per member.
    right = np.array([[9, 8], [4, 8], [6, 2]])
    counts = np.zeros((3, 2, 3, 1), np.int64)
    counts[:, :, 0, 0] = counts[:, :, 1, 0] = right
    counts[:, :, 2, 0] = 10
    result = worst_case(counts, names(counts))
    assert result['aAcc'] == pytest.approx(100 * (4 + 2) / 20)
    assert [m['wins'] for m in result['members']] == [0, 1, 1]
    assert result['mIoU_greedy'] == pytest.approx(100 * 6 / 20)


@pytest.mark.parametrize('seed', range(5))
def test_never_above_any_member(seed):
    counts = random_counts(seed)
    result = worst_case(counts, names(counts))
    for member in counts:
        total = member.sum(axis=0)
        assert result['aAcc'] <= accuracy(total) + 1e-9
        assert result['mIoU_greedy'] <= mean_iou(total) + 1e-9


@pytest.mark.parametrize('seed', range(3))
def test_greedy_is_no_worse_than_the_lowest_accuracy_per_image(seed):
    counts = random_counts(seed)
    images = np.arange(counts.shape[1])
    per_image = counts[lowest_accuracy(counts), images].sum(axis=0)
    greedy = counts[greedy_choice(counts), images].sum(axis=0)
    assert mean_iou(greedy) <= mean_iou(per_image) + 1e-9


def test_greedy_gains_nothing_by_one_more_change():
    counts = random_counts(7)
    images = np.arange(counts.shape[1])
    choice = greedy_choice(counts)
    best = mean_iou(counts[choice, images].sum(axis=0))
    for i in images:
        for m in range(len(counts)):
            other = choice.copy()
            other[i] = m
            assert mean_iou(counts[other, images].sum(axis=0)) >= best - 1e-9


def test_greedy_finds_the_lowest_of_all_choices_in_small_cases():
    """Against all of the 3^6 choices: a bound, here nearly always met."""
    images, gaps = np.arange(6), []
    for seed in range(30):
        counts = random_counts(seed, members=3, images=6, classes=4)
        lowest = min(
            mean_iou(counts[list(choice), images].sum(axis=0))
            for choice in itertools.product(range(3), repeat=6))
        gaps.append(mean_iou(counts[greedy_choice(counts), images].sum(
            axis=0)) - lowest)
    assert min(gaps) > -1e-9 and sum(gap < 1e-9 for gap in gaps) >= 29


def test_ties_go_to_the_clean_image():
    counts = np.repeat(random_counts(0, members=1), 3, axis=0)
    result = worst_case(counts, names(counts))
    assert [m['wins'] for m in result['members']] == [8, 0, 0]


def test_an_image_without_labels_is_no_trouble():
    counts = random_counts(0)
    counts[:, 2] = 0
    result = worst_case(counts, names(counts))
    assert 0 <= result['aAcc'] <= 100
