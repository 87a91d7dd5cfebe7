import pytest
import torch
import torch.nn.functional as F
from literal_rppgd import prototype_loss

from mmseg_rppgd.attacks import SegOutput
from mmseg_rppgd.attacks.prototypes import (classes_present,
                                            inter_class_similarity,
                                            mean_pair_cosine, prototypes)


def similarity(features, labels, region, **kwargs):
    output = SegOutput(torch.empty(0), features, **kwargs)
    classes = classes_present(labels, torch.ones_like(region))
    return inter_class_similarity(output, labels, region, classes)


def test_two_class_prototypes_by_hand():
    # Features at label size: no upsampling, so means can be taken by eye.
    features = torch.tensor([[[[1., 3.], [0., 9.]], [[0., 0.], [2., 9.]]]])
    labels = torch.tensor([[[0, 0], [1, 1]]])
    region = torch.tensor([[[True, True], [True, False]]])
    output = SegOutput(torch.empty(0), features)
    vectors, exists = prototypes(output, features[0], labels[0], region[0],
                                 torch.tensor([0, 1]))
    assert torch.allclose(vectors, torch.tensor([[2., 0.], [0., 2.]]))
    assert exists.all()
    # Orthogonal prototypes: every cosine is 0.
    assert similarity(features, labels, region).item() == pytest.approx(0)


def test_similarity_counts_ordered_pairs_over_combinations():
    # Two parallel prototypes: 2 ordered pairs of cosine 1 over C(2, 2) = 1.
    vectors = torch.tensor([[1., 1.], [3., 3.]])
    assert mean_pair_cosine(vectors,
                            torch.tensor([True, True])).item() == (
                                pytest.approx(2))
    # Opposite ones reach the other end of [-2, 2].
    assert mean_pair_cosine(
        torch.tensor([[1., 0.], [-2., 0.]]),
        torch.tensor([True, True])).item() == pytest.approx(-2)


def test_three_prototypes_by_hand():
    vectors = torch.tensor([[1., 0.], [0., 1.], [1., 1.]])
    # Cosines 0, 1/sqrt(2), 1/sqrt(2), each twice, over C(3, 2) = 3.
    expected = 4 / 2**.5 / 3
    assert mean_pair_cosine(
        vectors, torch.ones(3, dtype=torch.bool)).item() == pytest.approx(
            expected)


def test_absent_prototypes_do_not_count():
    vectors = torch.tensor([[1., 1.], [5., -5.], [2., 2.]])
    exists = torch.tensor([True, False, True])
    assert mean_pair_cosine(vectors, exists).item() == pytest.approx(2)


@pytest.mark.parametrize('exists', [[False, False], [True, False]])
def test_fewer_than_two_prototypes_give_zero(exists):
    vectors = torch.ones(2, 3, requires_grad=True)
    value = mean_pair_cosine(vectors, torch.tensor(exists))
    assert value.item() == 0
    assert torch.autograd.grad(value, vectors)[0].abs().sum() == 0


def test_zero_prototype_has_finite_gradient():
    vectors = torch.tensor([[0., 0.], [1., 2.]], requires_grad=True)
    value = mean_pair_cosine(vectors, torch.tensor([True, True]))
    grad, = torch.autograd.grad(value, vectors)
    assert value.item() == 0 and grad.isfinite().all()


@pytest.mark.parametrize('align_corners', [False, True])
def test_adjoint_equals_upsampled_features(align_corners):
    features = torch.randn(2, 5, 4, 3, dtype=torch.float64,
                           requires_grad=True)
    labels = torch.randint(6, (2, 17, 13))
    region = torch.rand(2, 17, 13) > .4
    ours = similarity(features, labels, region, align_corners=align_corners)
    literal = torch.stack([
        prototype_loss(features[i], labels[i], region[i], (17, 13),
                       align_corners) for i in range(2)
    ])
    assert torch.allclose(ours, literal, rtol=0, atol=1e-12)
    weights = torch.tensor([1., -2.], dtype=torch.float64)
    for a, b in zip(
            torch.autograd.grad(ours @ weights, features),
            torch.autograd.grad(literal @ weights, features)):
        assert torch.allclose(a, b, rtol=0, atol=1e-12)
        assert a.abs().max() > 0


def test_any_linear_upsampling_is_followed():

    def upsample(maps):  # as for a padded image: upsample, crop, resize
        maps = F.interpolate(maps, size=(20, 16), mode='bilinear')
        return F.interpolate(
            maps[..., :17, :13], size=(34, 26), mode='bilinear')

    features = torch.randn(1, 5, 5, 4, dtype=torch.float64)
    labels = torch.randint(4, (1, 34, 26))
    region = torch.rand(1, 34, 26) > .3
    ours = similarity(features, labels, region, upsample=upsample)
    literal = prototype_loss(
        features[0], labels[0], region[0], None, upsample=upsample)
    assert ours.item() == pytest.approx(literal.item(), abs=1e-12)


def test_more_classes_than_are_taken_at_once():
    features = torch.randn(1, 8, 6, 6, dtype=torch.float64)
    labels = torch.randint(50, (1, 24, 24))
    region = torch.rand(1, 24, 24) > .2
    literal = prototype_loss(features[0], labels[0], region[0], (24, 24))
    assert similarity(features, labels,
                      region).item() == pytest.approx(literal.item())


def test_150_classes_at_512_never_hold_upsampled_features():
    # D x H x W floats would be 2 GiB here; the largest tensor made is one
    # group of masks, 16 x H x W.
    sizes = []

    def upsample(maps):
        sizes.append(maps.shape[1])
        return F.interpolate(maps, size=(512, 512), mode='bilinear')

    features = torch.randn(1, 2048, 8, 8)
    labels = torch.arange(512 * 512).view(1, 512, 512) % 150
    region = torch.ones(1, 512, 512, dtype=torch.bool)
    value = similarity(features, labels, region, upsample=upsample)
    assert value.isfinite().all()
    assert sum(sizes) == 150 and max(sizes) <= 16


def test_missing_features_are_refused():
    labels = torch.zeros(1, 2, 2, dtype=torch.int64)
    with pytest.raises(ValueError, match='must have features.*None'):
        similarity(None, labels, labels == 0)
