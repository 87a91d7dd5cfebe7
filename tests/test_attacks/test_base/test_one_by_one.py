import torch

from mmseg_rppgd.attacks import AttackResult
from mmseg_rppgd.attacks.base import check_inputs, one_by_one, select


def make_inputs(size=3):
    images = torch.rand(size, 3, 4, 4, dtype=torch.float64)
    labels = torch.zeros(size, 4, 4, dtype=torch.int64)
    labels[1] = 255
    generators = [torch.Generator() for _ in range(size)]
    return check_inputs(images, labels, None, 255, False, generators)


def darken(image):
    """Attack one image in two steps."""
    images = image.inputs.images
    for step in (1, 2):
        images = images / 2
        if image.callback is not None:
            image.callback(step, images)
    return AttackResult(images, torch.tensor([50.]))


def test_one_image_is_selected_with_all_that_is_its_own():
    inputs = make_inputs()
    one = select(inputs, 2)
    assert torch.equal(one.images, inputs.images[2:])
    assert torch.equal(one.labels, inputs.labels[2:])
    assert torch.equal(one.mask, inputs.mask[2:])
    assert one.generators == inputs.generators[2:]
    assert one.targeted is inputs.targeted


def test_images_without_labels_are_left_alone():
    inputs = make_inputs()
    adv_images, mis_ratio = one_by_one(darken, inputs, None)
    assert torch.equal(adv_images[1], inputs.images[1])
    assert torch.equal(adv_images[::2], inputs.images[::2] / 4)
    assert mis_ratio[1].isnan() and (mis_ratio[::2] == 50).all()


def test_callback_sees_batches():
    inputs, seen = make_inputs(), []
    one_by_one(darken, inputs, lambda *args: seen.append(args))
    assert [step for step, _ in seen] == [1, 2]
    assert torch.equal(seen[0][1][0], inputs.images[0] / 2)
    assert torch.equal(seen[1][1][2], inputs.images[2] / 4)
    assert all(torch.equal(x[1], inputs.images[1]) for _, x in seen)


def test_attack_that_does_not_tell_its_mis_ratio_tells_none():
    inputs = make_inputs()
    adv_images, mis_ratio = one_by_one(
        lambda image: AttackResult(image.inputs.images / 4, None), inputs,
        None)
    assert torch.equal(adv_images[::2], inputs.images[::2] / 4)
    assert mis_ratio is None
