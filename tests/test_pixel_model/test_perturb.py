"""perturb_batch: which images, which pixels, which labels."""
import pytest
import torch
from tiny_segmentors import (NUM_CLASSES, batch, head_cfg, sample,
                             tiny_segmentor)

from mmseg_rppgd import PixelModel, perturb_batch
from mmseg_rppgd.pixel_model import CountedPixels
from mmseg_rppgd.registry import ATTACKS

PGD2 = dict(type='PGD', steps=2)
SLIDE = dict(mode='slide', crop_size=(24, 24), stride=(16, 16))


def attack(**kwargs):
    return ATTACKS.build(dict(PGD2, **kwargs))


def perturb(data, segmentor=None, attack_cfg=(), **kwargs):
    return perturb_batch(
        attack(**dict(attack_cfg)), segmentor or tiny_segmentor(),
        data['inputs'], data['data_samples'], **kwargs)


def preprocessed(segmentor, data, training=True):
    return segmentor.data_preprocessor(
        dict(inputs=list(data['inputs']),
             data_samples=[x.clone() for x in data['data_samples']]),
        training)


@pytest.mark.parametrize('size, adv_ratio, num_adv', [
    (1, 0.5, 1), (2, 0.5, 1), (3, 0.5, 2), (4, 0.5, 2), (4, 0, 0), (3, 1, 3),
    (4, 0.1, 0), (5, 0.1, 1)])
def test_the_last_images_are_attacked(size, adv_ratio, num_adv):
    data = batch([(32, 32)] * size)
    result = perturb(data, adv_ratio=adv_ratio, training=True)
    changed = [
        not torch.equal(before.float(), after.float())
        for before, after in zip(data['inputs'], result.inputs)
    ]
    assert changed == [False] * (size - num_adv) + [True] * num_adv
    assert len(result.adv_images) == len(result.clean_images) == num_adv


def test_clean_part_is_the_very_same():
    data = batch()
    result = perturb(data, adv_ratio=0.5)
    assert result.inputs[0] is data['inputs'][0]
    assert data['inputs'][1].dtype == torch.uint8


def test_result_is_in_the_ball_and_reaches_the_segmentor():
    segmentor, data = tiny_segmentor(), batch()
    result = perturb(data, segmentor)
    delta = torch.stack(result.adv_images) - torch.stack(result.clean_images)
    assert 0 < delta.abs().max() <= 0.03 + 1e-6
    with torch.no_grad():
        outputs = segmentor.test_step(
            dict(data, inputs=result.inputs))
    logits = PixelModel(segmentor)(torch.stack(result.adv_images)).logits
    expected = torch.stack([x.seg_logits.data for x in outputs])
    assert torch.equal(logits, expected)


@pytest.mark.parametrize('sizes', [
    [(32, 32)] * 3, [(20, 31), (32, 32), (25, 18)]], ids=['alike', 'padded'])
@pytest.mark.parametrize('preprocessor', [
    dict(), dict(bgr_to_rgb=False, pad_val=2., size=None, size_divisor=16)],
    ids=['rgb', 'bgr'])
def test_loader_and_model_inputs_give_the_same_batch(sizes, preprocessor):
    segmentor = tiny_segmentor(preprocessor=preprocessor)
    data = batch(sizes)
    torch.manual_seed(3)
    raw = perturb(data, segmentor, training=True, adv_ratio=0.5)
    state = torch.get_rng_state()
    by_hook = preprocessed(segmentor, dict(data, inputs=raw.inputs))
    torch.manual_seed(3)
    by_wrapper = perturb(preprocessed(segmentor, data), segmentor,
                         training=True, adv_ratio=0.5, normalized=True)
    assert torch.equal(by_hook['inputs'], by_wrapper.inputs)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(raw.mis_ratio, by_wrapper.mis_ratio)


def test_padding_is_never_perturbed():
    segmentor = tiny_segmentor(preprocessor=dict(pad_val=1.5))
    data = preprocessed(segmentor, batch([(20, 32), (32, 24)]))
    before = data['inputs'].clone()
    after = perturb(data, segmentor, training=True, normalized=True).inputs
    assert torch.equal(data['inputs'], before), 'given inputs were changed'
    assert (after[0, :, 20:] == 1.5).all() and (after[1, :, :, 24:] ==
                                                1.5).all()
    assert (after[0, :, :20] != before[0, :, :20]).any()


def test_padding_makes_no_loss():
    segmentor, data = tiny_segmentor(), batch([(20, 32)])
    padded = preprocessed(segmentor, data)
    padded['data_samples'][0].gt_sem_seg.data[:, 20:] = 1
    results = [
        perturb(dict(padded, data_samples=samples), segmentor, training=True,
                normalized=True, generator=torch.Generator().manual_seed(0))
        for samples in (padded['data_samples'],
                        preprocessed(segmentor, data)['data_samples'])
    ]
    assert torch.equal(results[0].inputs, results[1].inputs)


def test_images_of_different_sizes_equal_images_alone():
    segmentor = tiny_segmentor()
    data = batch([(24, 32), (32, 32)])
    torch.manual_seed(0)
    together = perturb(data, segmentor)
    torch.manual_seed(0)
    for i in range(2):
        alone = perturb({k: v[i:i + 1] for k, v in data.items()}, segmentor)
        assert torch.allclose(alone.adv_images[0], together.adv_images[i],
                              atol=1e-6)


def test_one_generator_per_image_is_independent_of_the_batch():
    segmentor, data = tiny_segmentor(), batch()
    state = torch.get_rng_state()

    def generator(i):
        return torch.Generator().manual_seed(i)

    both = perturb(data, segmentor, generator=[generator(0), generator(1)])
    second = perturb({k: v[1:] for k, v in data.items()}, segmentor,
                     generator=[generator(1)])
    assert torch.equal(both.adv_images[1], second.adv_images[0])
    assert torch.equal(state, torch.get_rng_state())


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def watch_batches(segmentor):
    """Return a list that gets the number of images of every pass."""
    seen = []
    segmentor.backbone.register_forward_pre_hook(
        lambda module, args: seen.append(len(args[0])))
    return seen


def test_images_of_one_size_with_own_generators_go_together():
    segmentor = tiny_segmentor()
    perturb(batch([(32, 32)]), segmentor)  # where it is proved
    seen = watch_batches(segmentor)
    perturb(batch([(32, 32)] * 3), segmentor, generator=generators(0, 1, 2))
    assert seen == [3, 3]


@pytest.mark.parametrize('surface', ['whole', 'slide', 'crop'])
def test_sizes_go_together_and_come_back_in_order(surface):
    """A batch equals its images, whose labels have sizes of their own."""
    segmentor = tiny_segmentor(test_cfg=SLIDE).double()
    data = batch([(32, 32), (28, 36), (32, 32), (28, 36)])
    # Of the size of the first, but with labels of another.
    wide = batch([(32, 32)] * 3, label_size=(40, 40))
    data['data_samples'][2] = wide['data_samples'][2]
    cfg = dict(type='MIFGSM', steps=2, diversity=.5, random_start=True)
    seen = watch_batches(segmentor)
    together = perturb(data, segmentor, cfg, surface=surface,
                       generator=generators(*range(4)))
    assert set(seen) == {1, 2}
    for i in range(4):
        alone = perturb({k: v[i:i + 1] for k, v in data.items()}, segmentor,
                        cfg, surface=surface, generator=generators(i))
        assert torch.equal(alone.mis_ratio[0], together.mis_ratio[i])
        assert torch.allclose(alone.adv_images[0], together.adv_images[i],
                              rtol=0, atol=1e-6)
        assert torch.equal(alone.clean_images[0], together.clean_images[i])
        assert torch.equal(alone.inputs[0].round(),
                           together.inputs[i].round())
        if surface == 'crop':
            assert torch.allclose(alone.logits[0], together.logits[i])


class TestCallback:

    def test_it_is_given_all_attacked_images_in_one_batch(self):
        seen = []
        result = perturb(
            batch([(32, 32)] * 3), attack_cfg=dict(steps=3), adv_ratio=.7,
            generator=generators(0, 1),
            callback=lambda step, images: seen.append((step, images)))
        assert [step for step, _ in seen] == [1, 2, 3]
        assert torch.equal(seen[-1][1], torch.stack(result.adv_images))

    @pytest.mark.parametrize('data', [
        batch([(32, 32), (24, 32)]), dict(
            inputs=batch()['inputs'], data_samples=[
                batch()['data_samples'][0],
                batch(label_size=(40, 40))['data_samples'][1]])],
        ids=['images', 'labels'])
    def test_several_sizes_are_refused(self, data):
        with pytest.raises(ValueError, match='callback is given all attacked '
                           'images.* one size.*size by size'):
            perturb(data, callback=print)

    def test_sizes_of_images_that_are_not_attacked_do_not_matter(self):
        seen = []
        perturb(batch([(24, 32), (32, 32)]), adv_ratio=.5,
                callback=lambda step, images: seen.append(images.shape))
        assert seen == [(1, 3, 32, 32)] * 2

    def test_windows_by_themselves_have_none(self):
        with pytest.raises(ValueError, match="callback can not be called with"
                           " surface='crop'.*use surface='slide'"):
            perturb(batch(), tiny_segmentor(test_cfg=SLIDE), surface='crop',
                    callback=print)


def test_labels_at_original_size_while_inputs_are_resized():
    segmentor = tiny_segmentor(test_cfg=SLIDE)
    data = batch([(40, 44)] * 2, label_size=(61, 70))
    result = perturb(data, segmentor)
    assert result.inputs[0].shape == (3, 40, 44)
    assert result.mis_ratio.shape == (2, )


def test_mis_ratio_is_that_of_the_prediction_the_loop_saw():
    segmentor, data = tiny_segmentor(), batch()
    result = perturb(data, segmentor, dict(steps=1, random_start=False))
    with torch.no_grad():
        outputs = segmentor.test_step(data)
    for output, ratio in zip(outputs, result.mis_ratio):
        labels = output.gt_sem_seg.data
        wrong = (output.pred_sem_seg.data != labels)[labels != 255]
        assert ratio == pytest.approx(100 * wrong.float().mean().item())
    assert result.seconds > 0


@pytest.mark.parametrize('direction, dim', [('horizontal', 2),
                                            ('vertical', 1)])
def test_flipped_test_input_is_attacked_against_flipped_labels(
        direction, dim):
    segmentor = tiny_segmentor()
    cfg = dict(random_start=False)
    plain = perturb(batch(), segmentor, cfg)
    flipped = batch(flip=True, flip_direction=direction)
    for data_sample in flipped['data_samples']:
        data = data_sample.gt_sem_seg.data
        data_sample.gt_sem_seg.data = data.flip(dim)
    result = perturb(flipped, segmentor, cfg)
    assert torch.equal(torch.stack(plain.adv_images),
                       torch.stack(result.adv_images))


def test_training_labels_are_flipped_with_the_image():
    segmentor = tiny_segmentor()
    cfg = dict(random_start=False)
    plain = perturb(batch(), segmentor, cfg, training=True)
    flipped = perturb(batch(flip=True, flip_direction='horizontal'),
                      segmentor, cfg, training=True)
    assert torch.equal(torch.stack(plain.adv_images),
                       torch.stack(flipped.adv_images))


def test_training_attacks_the_whole_crop_under_slide_inference():
    cfg = dict(random_start=False)
    segmentor, data = tiny_segmentor(test_cfg=SLIDE), batch()
    slid = perturb(data, segmentor, cfg, training=True)
    whole = perturb(data, segmentor, cfg, surface='whole')
    assert torch.equal(slid.inputs[0], whole.inputs[0])


def test_ignore_index_is_that_of_the_head():
    segmentor = tiny_segmentor(head=head_cfg(ignore_index=9))
    data = batch()
    for data_sample in data['data_samples']:
        labels = data_sample.gt_sem_seg.data
        labels[labels == 255] = 9
    assert perturb(data, segmentor).mis_ratio.shape == (2, )


def test_ignore_index_of_the_attack_goes_first():
    data = batch()
    for data_sample in data['data_samples']:
        data_sample.gt_sem_seg.data.fill_(2)
    result = perturb(data, attack_cfg=dict(ignore_index=2))
    assert torch.equal(result.adv_images[0], result.clean_images[0])


def test_autocast_gives_float32_images():
    with torch.autocast('cpu', dtype=torch.bfloat16):
        result = perturb(batch())
    assert result.adv_images[0].dtype == torch.float32


def test_rppgd_reads_features_of_slide_inference():
    segmentor = tiny_segmentor(test_cfg=SLIDE)
    data = batch([(40, 44)], label_size=(61, 70))
    result = perturb_batch(
        ATTACKS.build(dict(type='RPPGD', steps=2, beta=0.)), segmentor,
        data['inputs'], data['data_samples'])
    assert not torch.equal(result.adv_images[0], result.clean_images[0])


def test_nearest_success_of_a_search_is_found():
    segmentor, data = tiny_segmentor(), batch()
    search = ATTACKS.build(
        dict(type='DeepFool', steps=20, threshold=.5)).searching()
    result = perturb_batch(search, segmentor, **data)
    adv_images, images = map(torch.stack,
                             (result.adv_images, result.clean_images))
    norms = search.norms(adv_images, images, result.mis_ratio)
    assert norms.isfinite().any()
    assert torch.equal(norms.isfinite(), result.mis_ratio >= 50)


class TestCrop:

    def test_single_window_equals_the_whole_image(self):
        segmentor, data = tiny_segmentor(), batch()
        cfg = dict(random_start=False)
        whole = perturb(data, segmentor, cfg)
        segmentor.test_cfg = dict(SLIDE, crop_size=(32, 32))
        crop = perturb(data, segmentor, cfg, surface='crop')
        assert torch.allclose(torch.stack(whole.adv_images),
                              torch.stack(crop.adv_images), atol=1e-6)
        logits = PixelModel(segmentor, surface='whole')(
            torch.stack(whole.adv_images)).logits
        assert torch.allclose(torch.stack(crop.logits), logits, atol=1e-4)

    def test_windows_see_labels_of_their_crop(self):
        segmentor = tiny_segmentor(test_cfg=SLIDE)
        data = batch([(40, 44)], label_size=(80, 88))
        result = perturb(data, segmentor, surface='crop')
        delta = result.adv_images[0] - result.clean_images[0]
        assert result.logits[0].shape == (NUM_CLASSES, 80, 88)
        assert 0 < delta.abs().max() <= 0.03 + 1e-6

    def test_windows_without_size_are_an_error(self):
        with pytest.raises(ValueError, match='needs crop_size and stride'):
            perturb(batch(), surface='crop')


class TestRefusals:

    def test_test_time_augmentation(self):
        data = batch()
        views = dict(inputs=[data['inputs']] * 2,
                     data_samples=[data['data_samples']] * 2)
        with pytest.raises(TypeError, match='test-time augmentation'):
            perturb(views)

    def test_label_outside_the_classes(self):
        data = batch()
        data['data_samples'][1].gt_sem_seg.data[0, 5, 5] = 7
        with pytest.raises(ValueError, match=r'labels must lie in \[0, 4\) or'
                           r' be 255 \(ignored\), but image_1.png has 7'):
            perturb(data)

    @pytest.mark.parametrize('key', ['ori_shape', 'img_shape'])
    def test_missing_meta_key(self, key):
        inputs, data_sample = sample()
        data_sample.pop(key)
        with pytest.raises(ValueError, match=f'lacks the meta keys {key}.*'
                           'PackSegInputs.meta_keys'):
            perturb(dict(inputs=[inputs], data_samples=[data_sample]))

    def test_missing_labels(self):
        inputs, data_sample = sample()
        del data_sample.gt_sem_seg
        with pytest.raises(ValueError, match='image_0.png has no gt_sem_seg'):
            perturb(dict(inputs=[inputs], data_samples=[data_sample]))

    def test_share_outside_the_batch(self):
        with pytest.raises(ValueError, match=r'adv_ratio must be in \[0, 1\]'
                           '.*got 2'):
            perturb(batch(), adv_ratio=2)

    def test_generators_of_another_number(self):
        with pytest.raises(ValueError, match='2 attacked images, but got 1'):
            perturb(batch(), generator=[torch.Generator()])

    def test_raw_segmentor_given_to_an_attack(self):
        with pytest.raises(TypeError, match=r'PixelModel\(segmentor\)'):
            attack()(tiny_segmentor(), torch.rand(1, 3, 32, 32),
                     torch.zeros(1, 32, 32, dtype=torch.long))

    def test_features_where_the_classifier_layer_does_not_run(self):
        segmentor = tiny_segmentor()
        segmentor.decode_head.cls_seg = lambda x: x[:, :NUM_CLASSES]
        rppgd = ATTACKS.build(dict(type='RPPGD', steps=1))
        data = batch()
        with pytest.raises(ValueError, match='RPPGD needs features.*conv_seg '
                           'of FCNHead does not run on a feature map'):
            perturb_batch(rppgd, segmentor, **data)


def in_01():
    """The same segmentor for images in [0, 1]."""
    space = tiny_segmentor().data_preprocessor
    return tiny_segmentor(preprocessor=dict(
        mean=(space.mean.view(-1) / 255).tolist(),
        std=(space.std.view(-1) / 255).tolist()))


class TestRange:

    @pytest.mark.parametrize('training', [False, True])
    @pytest.mark.parametrize('normalized', [False, True])
    def test_images_in_01_are_attacked_as_those_of_8_bits(
            self, training, normalized):
        found = []
        torch.manual_seed(3)
        first, second = tiny_segmentor(), in_01()
        second.load_state_dict(first.state_dict())
        for segmentor, scale in ((first, None), (second, 255)):
            data = batch()
            if scale:
                data['inputs'] = [x.float() / scale for x in data['inputs']]
            if normalized:
                data = preprocessed(segmentor, data, training)
            found.append(perturb(
                data, segmentor, training=training, normalized=normalized,
                generator=generators(0, 1)))
        assert [f.pixel_range for f in found] == [255, 1]
        for eight_bits, small in zip(*(f.adv_images for f in found)):
            close = (eight_bits - small).abs() < 1e-5
            assert close.float().mean() > .999  # signs of tiny gradients
        assert torch.equal(found[0].clean_images[0], found[1].clean_images[0])

    def test_a_range_that_is_given_is_taken(self):
        segmentor = tiny_segmentor(preprocessor=dict(mean=None, std=None))
        data = batch()
        data['inputs'] = [x.float() / 255 for x in data['inputs']]
        with pytest.raises(ValueError, match='image_0.png has .*pixel_range'):
            perturb(data, segmentor)
        result = perturb(data, segmentor, pixel_range=1)
        for clean, inputs, after in zip(
                result.clean_images, data['inputs'], result.inputs):
            assert torch.equal(clean.flip(0), inputs)
            assert .02 < (after - inputs).abs().max() < .04

    def test_overshoot_names_the_file(self):
        data = batch()
        data['inputs'][1] = data['inputs'][1].float()
        data['inputs'][1][:, 4, 4] = 258.
        with pytest.raises(ValueError, match='image_1.png has pixel values'):
            perturb(data, training=True)


class TestPadOfThePipeline:

    @staticmethod
    def data(**meta):
        data = batch([(32, 32)] * 2, **meta)
        data['inputs'][0][:, 20:] = 0
        data['data_samples'][0].gt_sem_seg.data[:, 20:] = 255
        return data

    @pytest.mark.parametrize('normalized', [False, True])
    def test_in_training_it_is_left_alone(self, normalized):
        segmentor, data = tiny_segmentor(), self.data()
        if normalized:
            data = preprocessed(segmentor, data)
        result = perturb(data, segmentor, training=True,
                         normalized=normalized)
        change = [(a - b).abs().amax(0) for a, b in zip(
            result.adv_images, result.clean_images)]
        assert not change[0][20:].any()
        assert change[0][:20].min() >= 0 and change[0][:20].any(1).all()
        assert change[1].any(1).all()

    @pytest.mark.parametrize('surface', ['whole', 'slide', 'crop'])
    def test_in_a_test_too(self, surface):
        segmentor = tiny_segmentor(test_cfg=dict(
            mode='slide', crop_size=(24, 24), stride=(16, 16)))
        result = perturb(self.data(pad_shape=(32, 32, 3)), segmentor,
                         surface=surface)
        change = (result.adv_images[0] - result.clean_images[0]).abs()
        assert change[:, 20:].max() < 1e-6 and change[:, :20].max() > .02


class TestCounted:

    def test_pixels_that_do_not_count_are_not_attacked(self):
        data = batch()
        for data_sample in data['data_samples']:
            labels = data_sample.gt_sem_seg.data
            labels[labels == 255] = 0
        plain = batch()
        for data_sample in plain['data_samples']:
            labels = data_sample.gt_sem_seg.data
            labels[labels == 0] = 255
        segmentor = tiny_segmentor()
        found = [
            perturb(given, segmentor, counted=CountedPixels(void, 4),
                    generator=generators(0, 1))
            for given, void in ((data, 0), (plain, 255))]
        for first, second in zip(*(f.adv_images for f in found)):
            assert torch.equal(first, second)

    def test_labels_are_those_of_the_data_set(self):
        with pytest.raises(ValueError, match=r'in \[0, 3\) .* image_0.png'):
            perturb(batch(), counted=CountedPixels(255, 3))


def test_loader_inputs_are_not_taken_for_normalized_ones():
    with pytest.raises(TypeError, match='normalized=True must be the tensor'):
        perturb(batch(), training=True, normalized=True)
