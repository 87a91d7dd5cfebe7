"""Worst case over an ensemble of attacks, from stored class counts alone.

Shapes: M members (the clean image is one), N images, C classes.
"""
from typing import Any, Dict, Sequence, Tuple

import numpy as np

from ...metrics import accuracy, mean_iou, number


def lowest_accuracy(counts: np.ndarray) -> np.ndarray:
    """The member with the fewest right pixels, per image.

    Ties go to the earlier member, so that with the clean image first an
    attack wins only where it did something.

    Shape:
        counts (M, N, 3, C); returns (N,).
    """
    return counts[:, :, 0].sum(axis=-1).argmin(axis=0)


def greedy_choice(counts: np.ndarray, seed: int = 0,
                  max_passes: int = 100) -> np.ndarray:
    """Choose a member per image so that the data set's mIoU is low.

    mIoU is not a mean over images, so the lowest choice is not found image
    by image. The best of the single members and of the lowest accuracy per
    image is the start; passes over the shuffled images then take, at each
    image, the member that lowers the data set's mIoU most, until a pass
    gains nothing. The result is never above any single member.

    Args:
        counts (np.ndarray): Class counts of every member.
        seed (int): Seed of the order of the images. Defaults to 0.
        max_passes (int): A bound on the passes. Defaults to 100.

    Shape:
        counts (M, N, 3, C); returns (N,).
    """
    members, images = counts.shape[:2]
    everyone = np.arange(images)
    starts = [np.full(images, m) for m in range(members)]
    starts.append(lowest_accuracy(counts))
    values = [_value(counts[s, everyone].sum(axis=0)) for s in starts]
    choice = starts[int(np.argmin(values))].copy()
    total = counts[choice, everyone].sum(axis=0)
    best = _value(total)
    rng = np.random.default_rng(seed)
    for _ in range(max_passes):
        before = best
        for i in rng.permutation(images):
            # (M, 3, C): the data set with image i under each member
            candidates = total - counts[choice[i], i] + counts[:, i]
            value = _value(candidates)
            m = int(np.argmin(value))
            if value[m] < best:
                choice[i], total, best = m, candidates[m], value[m]
        if best == before:
            break
    return choice


def _value(counts: np.ndarray) -> np.ndarray:
    """mIoU, with a set that has no class at all put last."""
    return np.nan_to_num(mean_iou(counts), nan=np.inf)


def worst_counts(counts: np.ndarray,
                 seed: int = 0) -> Dict[str, Tuple[np.ndarray, np.ndarray]]:
    """Who stands for each image in a worst case, and what it gave.

    Args:
        counts (np.ndarray): Class counts of every member.
        seed (int): Seed of the greedy choice. Defaults to 0.

    Shape:
        counts (M, N, 3, C).

    Returns:
        dict: By ``'aAcc'`` and ``'mIoU_greedy'`` the choice (N,) and the
        counts (N, 3, C).
    """
    images = np.arange(counts.shape[1])
    choices = {'aAcc': lowest_accuracy(counts),
               'mIoU_greedy': greedy_choice(counts, seed)}
    return {name: (choice, counts[choice, images])
            for name, choice in choices.items()}


def worst_case(counts: np.ndarray, members: Sequence[Dict[str, Any]],
               seed: int = 0) -> Dict[str, Any]:
    """The worst case over the members, and who won how often.

    Args:
        counts (np.ndarray): Class counts of every member, in their order.
        members (Sequence[dict]): What identifies each member; the clean
            image should be the first, so that the result is never above it.
        seed (int): Seed of the greedy choice. Defaults to 0.

    Shape:
        counts (M, N, 3, C).

    Returns:
        dict: ``aAcc`` with the lowest accuracy per image, ``mIoU_greedy``,
        and ``members`` with ``wins`` (images on which the member has the
        lowest accuracy) and ``chosen`` (images it stands for in the greedy
        choice).
    """
    worst = worst_counts(counts, seed)
    (lowest, by_accuracy), (greedy, by_iou) = (
        worst['aAcc'], worst['mIoU_greedy'])
    return {
        'aAcc': number(accuracy(by_accuracy.sum(axis=0))),
        'mIoU_greedy': number(mean_iou(by_iou.sum(axis=0))),
        'members': [
            dict(member, wins=int((lowest == m).sum()),
                 chosen=int((greedy == m).sum()))
            for m, member in enumerate(members)],
    }
