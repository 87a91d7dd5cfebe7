"""DDC-AT: pixels that an attack flips train a branch of their own."""
from typing import Any, Dict, Optional, Union, cast

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from torch import Tensor, nn

from ..attacks.base import frozen, predict_classes, two_logits
from ..pixel_model import last_head
from ..registry import MODELS
from .adversarial_segmentor import AdversarialSegmentor
from .ddcat_head import DDCATHead, classifier_of, classifier_path, selected

UNKNOWN = -100  # of pixels whose attack overflowed
PAPER_ATTACK = dict(type='BIM', eps=0.03, alpha=0.01, steps=3)


@MODELS.register_module()
class DDCATSegmentor(AdversarialSegmentor):
    """Dynamic divide-and-conquer adversarial training (DDC-AT).

    Two branches beside the classifier of the head, the main branch, read the
    same features: an auxiliary classifier, and a mask of two classes that
    says which of both classifies a pixel. The mask learns the division:

    - a pixel of a clean image belongs to the auxiliary branch where the
      attack changes what the main branch predicts there;
    - every other pixel, and all of the adversarial images, to the main one.

    What is minimised is the loss of the head on the mix of both classifiers
    that the mask selects, plus the cross-entropy of the mask, plus the
    auxiliary heads of the config. Inference is that of the main branch
    alone: the branches cost nothing there.

    .. code:: text

     loss(): TrainingAttack() of the adversarial part -> mixed_loss() -> logs
     mixed_loss(): division() -> segmentor.loss() of the mix -> loss_mask
     division(): main branch, frozen -> attack of the clean part -> main branch

    Paper: X. Xu, H. Zhao, J. Jia, Dynamic Divide-and-Conquer Adversarial
    Training for Robust Semantic Segmentation, ICCV 2021. What it leaves open
    is as in the code that the authors released
    (dvlab-research/Robust-Semantic-Segmentation): half of a batch is
    adversarial, by BIM of 3 steps of eps / 3 from the clean image, in
    evaluation mode, against the main branch; the mask that is *predicted*
    selects, after upsampling, also in adversarial images, and the division
    only teaches it; the cross-entropy of the mask has weight 1 and leaves
    no pixel out, not even those without a label.

    Deviations from that code:

    - the branches are classifiers on the input of ``conv_seg``, where the
      released ones repeat the last 3x3 convolution too. So they fit any
      head, and the main branch keeps its stock layers;
    - flips are those of the main branch, which inference uses, not of the
      mix, which no attack is aimed at;
    - padding is not attacked, as everywhere in this package;
    - where an attack overflows in half precision, the division of those
      images is not known and teaches nothing.

    Logged as :class:`AdversarialSegmentor` does, of the main branch, and in
    percent: ``flip_ratio`` (pixels of the clean images that the attack
    flips) and ``mask_ratio`` (pixels of the batch that the mask gives to the
    auxiliary branch). ``acc_seg`` of the head is that of the mix.

    Note:
        - Where few pixels flip, the predicted mask may give none to the
          auxiliary branch (``mask_ratio`` 0), which then learns nothing and
          leaves adversarial training with one loss more. With
          ``selected_by='division'`` the flips themselves select.
        - Each image is attacked, also those that are trained clean: to know
          where they flip. At 3 steps and half of the batch, an iteration
          costs about 4.3 passes over the batch instead of 2.5.
        - A checkpoint is a stock checkpoint with the branches beside it,
          under ``ddcat_head.``. They are needed to resume; the stock config
          leaves them out with a warning of MMEngine. Weights without them
          start the auxiliary branch from the main one and the mask anew.
        - ``ddcat_head`` has ``head`` in its name, so that a rule such as
          ``custom_keys=dict(head=dict(lr_mult=10))`` is for it too.

    Args:
        segmentor (dict | nn.Module): The segmentor, or its config. Its last
            decode head must classify by one pass of its ``conv_seg``.
        attack (dict | Attack, optional): The attack, or its config in
            ``ATTACKS``. Defaults to None, BIM of 3 steps with eps 0.03 and
            alpha eps / 3.
        adv_ratio (float): Share of a batch that is trained adversarial.
            Defaults to 0.5.
        selected_by (str): What selects the branch of a pixel in training:
            ``'mask'``, the predicted mask, or ``'division'``, what teaches
            it. Defaults to 'mask', as released.
        pixel_range (float, optional): See :class:`AdversarialSegmentor`.
        kwargs: See :class:`AdversarialSegmentor`.

    Raises:
        ValueError: If the last decode head has no ``conv_seg``, or
            ``selected_by`` is unknown.

    Example:
        >>> model = dict(
        ...     _delete_=True,
        ...     type='mmseg_rppgd.DDCATSegmentor',
        ...     segmentor=_base_.model)
    """

    # What the train command says of it.
    attacks_clean_part = True

    def __init__(self,
                 segmentor: Union[dict, nn.Module],
                 attack: Any = None,
                 adv_ratio: float = 0.5,
                 pixel_range: Optional[float] = None,
                 selected_by: str = 'mask',
                 **kwargs: Any) -> None:
        super().__init__(
            segmentor, PAPER_ATTACK if attack is None else attack, adv_ratio,
            pixel_range, **kwargs)
        if selected_by not in ('mask', 'division'):
            raise ValueError("selected_by must be 'mask' or 'division', but "
                             f'got {selected_by!r}')
        self.selected_by = selected_by
        self.ddcat_head = DDCATHead(classifier_of(last_head(self.segmentor)))

    def mixed_loss(self, inputs: Tensor, data_samples: list,
                   num_adv: int) -> Dict[str, Tensor]:
        """Return the losses of the mix of branches, and of the mask."""
        first = len(inputs) - num_adv
        target = inputs.new_zeros(
            (len(inputs), *inputs.shape[-2:]), dtype=torch.long)
        logs = {}
        if first:
            target[:first] = self.division(inputs[:first],
                                           data_samples[:first])
            known = target[:first] != UNKNOWN
            if known.any():
                logs['flip_ratio'] = 100. * target[:first][known].float(
                ).mean()
        head = last_head(self.segmentor)
        with self.ddcat_head.mixed_in(
                head, inputs.shape[-2:], None if self.selected_by == 'mask'
                else target == 1) as masks:
            losses = self.segmentor.loss(inputs, data_samples)
        if len(masks) != 1:
            raise ValueError(
                f'conv_seg of {type(head).__name__} must run once in a pass '
                f'for DDC-AT, but ran {len(masks)} times; use a head that '
                'classifies by it, such as PSPHead, ASPPHead or FCNHead')
        losses['ddcat.loss_mask'] = F.cross_entropy(
            masks[0], target, ignore_index=UNKNOWN, reduction='sum') / (
                target != UNKNOWN).sum().clamp_min(1)
        logs['mask_ratio'] = 100. * selected(masks[0]).float().mean()
        losses.update(logs)
        return losses

    def division(self, inputs: Tensor, data_samples: list) -> Tensor:
        """Return which pixels of clean images an attack flips.

        Args:
            inputs (Tensor): Clean images (N, 3, H, W), as the data
                preprocessor gives them.
            data_samples (list[SegDataSample]): Their samples.

        Returns:
            Tensor: (N, H, W) int64, 1 where the main branch predicts another
            class of the adversarial image than of the clean one, else 0;
            ``UNKNOWN`` where the attack overflowed.
        """
        result = self.training_attack.again(
            self.attack, self.segmentor, inputs, data_samples,
            normalized=True, pixel_range=self.pixel_range)
        if result.pixel_range is not None:
            self.pixel_range = result.pixel_range
        if not result.adv_images:
            return torch.full_like(inputs[:, 0], UNKNOWN, dtype=torch.long)
        # Frozen, for autocast would keep casts without a gradient otherwise.
        # Of a tensor the inputs are a tensor again.
        with torch.no_grad(), frozen([self.segmentor]):
            flips = (self._predicted(inputs)
                     != self._predicted(cast(Tensor, result.inputs)))
        return flips.long()

    def _predicted(self, inputs: Tensor) -> Tensor:
        """Return the classes (N, H, W) that the main branch predicts."""
        meta = dict(img_shape=inputs.shape[-2:])
        logits = self.segmentor.encode_decode(inputs, [meta] * len(inputs))
        if logits.shape[1] == 1:
            logits = two_logits(logits, last_head(self.segmentor).threshold)
        return predict_classes(logits)

    def _load_from_state_dict(self, state_dict: Dict[str, Any], prefix: str,
                              *args: Any, **kwargs: Any) -> None:
        """Load weights; give stock ones branches to start from."""
        own = f'{prefix}ddcat_head.'
        if not any(key.startswith(own) for key in state_dict):
            main = classifier_path(self.segmentor)
            for name, value in self.ddcat_head.state_dict().items():
                branch, _, part = name.partition('.')
                given = state_dict.get(f'{prefix}{main}.{part}')
                if branch == 'auxiliary' and given is not None and (
                        given.shape == value.shape):
                    value = given
                state_dict[own + name] = value
            print_log(
                'The weights have no branches of DDC-AT: the auxiliary one '
                f'starts from {main} and the mask anew', 'current')
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
