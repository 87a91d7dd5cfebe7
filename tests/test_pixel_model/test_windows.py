"""The windows of slide inference against mmseg's own."""
import pytest
import torch
from tiny_segmentors import tiny_segmentor

from mmseg_rppgd.pixel_model.windows import (Box, check_windows, run_windows,
                                             run_windows_twice, stitch,
                                             window_boxes)

SIZES = [((40, 44), (24, 24), (16, 16)), ((20, 50), (24, 32), (5, 30)),
         ((24, 24), (24, 24), (10, 10)), ((61, 33), (17, 9), (13, 4))]


@pytest.mark.parametrize('size, crop_size, stride', SIZES)
def test_windows_are_those_of_mmseg(size, crop_size, stride):
    segmentor = tiny_segmentor(test_cfg=dict(
        mode='slide', crop_size=crop_size, stride=stride))
    places = torch.arange(size[0] * size[1]).view(1, 1, *size)
    seen = []

    def encode_decode(crop, metas):
        top, left = divmod(int(crop[0, 0, 0, 0]), size[1])
        seen.append(Box(top, top + crop.shape[2], left,
                        left + crop.shape[3]))
        return crop.new_zeros(1, 4, *crop.shape[2:])

    segmentor.encode_decode = encode_decode
    segmentor.slide_inference(
        places.expand(1, 3, -1, -1).double(), [dict(img_shape=size)])
    assert window_boxes(size, crop_size, stride) == seen


@pytest.mark.parametrize('size, crop_size, stride', SIZES)
def test_pieces_of_one_map_are_stitched_to_it(size, crop_size, stride):
    maps = torch.rand(2, 3, *size, dtype=torch.float64)
    boxes = window_boxes(size, crop_size, stride)
    whole = stitch((box.crop(maps) for box in boxes), boxes, size)
    assert torch.allclose(whole, maps, rtol=0, atol=1e-15)


def test_overlaps_are_averaged():
    boxes = [Box(0, 1, 0, 2), Box(0, 1, 1, 3)]
    pieces = [torch.full((1, 1, 1, 2), value) for value in (1., 3.)]
    assert stitch(pieces, boxes, (1, 3)).view(-1).tolist() == [1, 2, 3]


def test_halves_are_added_in_full_precision():
    box = Box(0, 1, 0, 1)
    piece = torch.ones(1, 1, 1, 1, dtype=torch.bfloat16)
    assert stitch([piece], [box], (1, 1)).dtype == torch.float32


@pytest.mark.parametrize('features', [False, True])
def test_running_twice_changes_neither_output_nor_gradient(features):
    inputs = torch.rand(2, 3, 13, 17, dtype=torch.float64,
                        requires_grad=True)
    boxes = window_boxes((13, 17), (8, 8), (5, 5))

    def run(crop):
        return crop.sin(), crop.square() if features else None

    results = []
    for run_all in (run_windows, run_windows_twice):
        logits, maps = run_all(run, inputs, boxes)
        value = logits.square().sum()
        if features:
            assert maps.shape == (2, 3, 8 * len(boxes), 8)
            value = value + maps.sum()
        grad, = torch.autograd.grad(value, inputs)
        results.append((logits, grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.allclose(results[0][1], results[1][1], rtol=1e-12)


def test_missing_window_size_is_named():
    check_windows(dict(crop_size=(8, 8), stride=(4, 4)))
    with pytest.raises(ValueError, match="needs crop_size and stride, in "
                       "pixels, .* but it is {'mode': 'whole'}"):
        check_windows(dict(mode='whole'))
