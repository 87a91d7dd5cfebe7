"""Samples that stay what they were."""
import pytest
import torch

from mmseg_rppgd.loaded import LoadedSamples, digest_tensors


def test_a_digest_is_of_values_types_and_shapes():
    x = torch.arange(6)
    digests = [digest_tensors(*t) for t in (
        (x, ), (x.clone(), ), (x.view(2, 3), ), (x.float(), ), (x + 1, ),
        (x, x))]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 5


def test_a_sample_that_changes_is_named():
    loaded = LoadedSamples()
    loaded.see(3, 'aa', 'x.png')
    loaded.see(3, 'aa', 'x.png')
    loaded.see(4, 'bb')
    with pytest.raises(ValueError, match='x.png is another image, or .*'
                       'RandomCrop'):
        loaded.see(3, 'bb', 'x.png')
    with pytest.raises(ValueError, match='sample 4 of the data set is'):
        loaded.see(4, 'cc')
