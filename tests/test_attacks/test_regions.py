import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_rppgd.attacks import Regions
from mmseg_rppgd.attacks.regions import check_regions

PIXELS = 12
correctness = st.lists(st.booleans(), min_size=PIXELS, max_size=PIXELS)
trajectories = st.lists(correctness, min_size=1, max_size=8)


def as_map(bits):
    return torch.tensor(bits).view(1, 3, 4)


def history(trajectory, labelled):
    """Regions after the clean prediction and after each iterate."""
    regions = Regions.from_clean(as_map(trajectory[0]), labelled)
    yield regions
    for correct in trajectory[1:]:
        regions = regions.after(as_map(correct))
        yield regions


@settings(max_examples=100, deadline=None)
@given(trajectories, correctness)
def test_theorem_1_regions_are_disjoint(trajectory, labelled):
    for true, boundary, false in history(trajectory, as_map(labelled)):
        assert not (true & boundary).any()
        assert not (true & false).any()
        assert not (boundary & false).any()


@settings(max_examples=100, deadline=None)
@given(trajectories, correctness)
def test_theorem_2_regions_cover_the_labelled_pixels(trajectory, labelled):
    labelled = as_map(labelled)
    for true, boundary, false in history(trajectory, labelled):
        assert torch.equal(true | boundary | false, labelled)


@settings(max_examples=100, deadline=None)
@given(trajectories, correctness)
def test_boundary_absorbs_and_false_is_constant(trajectory, labelled):
    steps = list(history(trajectory, as_map(labelled)))
    for before, after in zip(steps, steps[1:]):
        assert not (before.boundary_region & ~after.boundary_region).any()
        assert torch.equal(before.false_region, after.false_region)


@settings(max_examples=100, deadline=None)
@given(trajectories, correctness)
def test_regions_follow_the_definitions(trajectory, labelled):
    labelled = as_map(labelled)
    true, boundary, false = list(history(trajectory, labelled))[-1]
    seen = torch.stack([as_map(correct) for correct in trajectory])
    assert torch.equal(true, labelled & seen.all(0))
    assert torch.equal(false, labelled & ~seen[0])
    assert torch.equal(boundary, labelled & seen[0] & ~seen.all(0))


def test_select_unites_the_named_regions():
    regions = Regions(*torch.eye(3, dtype=torch.bool))
    assert regions.select('TF').tolist() == [True, False, True]
    assert regions.select('B').tolist() == [False, True, False]


@pytest.mark.parametrize('letters', ['', 'X', 'TT', None, ['T']])
def test_bad_region_names_are_refused(letters):
    with pytest.raises(ValueError, match="regions must be a subset of 'TBF'"):
        check_regions('regions', letters)
