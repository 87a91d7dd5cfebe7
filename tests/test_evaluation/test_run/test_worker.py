"""A job on all images: every row sees the same ones."""
import pytest
import torch
from torch.utils.data import Dataset
from toy_networks import toy_data, toy_model

from mmseg_rppgd.evaluation import evaluate


class Changing(Dataset):
    """Shifts images, or labels, by chance."""

    def __init__(self, which):
        self.data = toy_data(3)
        self.which = which

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        pair = list(self.data[index])
        if self.which is not None:
            pair[self.which] = pair[self.which].roll(
                int(torch.randint(1, 6, ())), -1)
        return tuple(pair)


def run(which):
    return evaluate(toy_model(), Changing(which), attacks=[
        dict(type='BIM', eps=0, alpha=0, steps=1)], probes=0, quiet=True)


@pytest.mark.parametrize('which', [0, 1])
def test_a_sample_that_changes_between_rows_is_refused(which):
    torch.manual_seed(0)
    with pytest.raises(ValueError, match=r'^\d is another image, or has '
                       'other labels, each time it is loaded'):
        run(which)


def test_without_a_radius_a_row_is_the_clean_one():
    results = run(None)
    attack, = results['attacks']
    assert {k: attack[k] for k in results['clean']} == results['clean']
