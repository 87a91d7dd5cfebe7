"""A segmentor that is trained on a mix of clean and adversarial images."""
import copy
from typing import Any, Dict, List, Optional, Union, cast

import torch
from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import MODELS as MMSEG_MODELS
from torch import Tensor, nn

from ..attacks.base import untargeted
from ..pixel_model import TrainingAttack, last_head, unwrap_segmentor
from ..pixel_model.batches import check_adv_ratio
from ..pixel_model.mmseg_types import Segmentor
from ..pixel_model.space import check_pixel_range
from ..pixel_model.trained import part_accuracies, trained_logits
from ..registry import MODELS

PASSED_ON = ('data_preprocessor', 'init_cfg', 'pretrained', 'train_cfg',
             'test_cfg')


@MODELS.register_module()
class AdversarialSegmentor(BaseSegmentor):
    """Adversarial training around any segmentor.

    In training the last part of each batch is attacked and the mixed batch
    goes through the segmentor once; everything else is the segmentor's own.

    .. code:: text

     loss(): TrainingAttack() -> mixed_loss() -> logs
     mixed_loss(): segmentor.loss(), or what a strategy makes of it
     predict(), _forward(), encode_decode(), ...: segmentor

    The children of this module are those of the segmentor, not the segmentor
    itself. So parameters keep their stock names: a checkpoint is a stock
    checkpoint and loads with the stock config, and optimizer constructors
    that read names (layer decay) work as they do without this class.

    Another training strategy is a subclass with its own :meth:`mixed_loss`.

    Logged beside the losses, in percent: ``attack_mis_ratio`` (wrong pixels
    in the attack's last prediction), ``acc_clean`` and ``acc_adv`` (accuracy
    of the last head in training mode, of heads with a ``conv_seg``, where it
    last saw a whole batch); ``attack_time_share`` in [0, 1], of the iteration
    before; and ``attack_overflows``, how many batches were trained clean so
    far because the attack overflowed in half precision, once there is one.

    Note:
        - The noise of an iteration depends on seed, iteration and rank, as a
          Runner has put them into the message hub, so a resumed training
          goes on as an unbroken one would have. Without a Runner it comes
          from the global random state.

    Args:
        segmentor (dict | nn.Module): The segmentor, or its config.
        attack (dict | Attack): The attack, or its config in ``ATTACKS``. A
            targeted one is refused: the labels are the true ones.
        adv_ratio (float): Share of a batch that is attacked,
            floor(B x adv_ratio + 0.5) images. One that rounds to no image of
            the first batch is refused; a smaller batch, as at the end of an
            epoch, may stay clean. Defaults to 0.5.
        pixel_range (float, optional): Value of white in what the pipeline
            gives: 255, or 1 where it scales images to [0, 1]. Defaults to
            None, what is certain from the first batch; where nothing is, an
            error says so.
        kwargs: data_preprocessor, init_cfg, pretrained, train_cfg and
            test_cfg are passed on to the config of the segmentor.

    Example:
        >>> model = dict(
        ...     _delete_=True,
        ...     type='mmseg_rppgd.AdversarialSegmentor',
        ...     segmentor=_base_.model,
        ...     attack=dict(type='RPPGD', steps=3))
    """

    # AttackHook refuses to attack the batches of a model that does itself.
    attacks_in_training = True

    def __init__(self,
                 segmentor: Union[dict, nn.Module],
                 attack: Any,
                 adv_ratio: float = 0.5,
                 pixel_range: Optional[float] = None,
                 **kwargs: Any) -> None:
        built = self._build_segmentor(segmentor, kwargs)
        super().__init__(data_preprocessor=built.data_preprocessor)
        check_adv_ratio(adv_ratio)
        check_pixel_range(pixel_range)
        self.attack = untargeted(attack, type(self).__name__)
        self.adv_ratio = adv_ratio
        self.pixel_range = pixel_range
        self.training_attack = TrainingAttack()
        self._adopt_children(built)

    @classmethod
    def _build_segmentor(cls, segmentor: Union[dict, nn.Module],
                         kwargs: dict) -> Segmentor:
        unknown = set(kwargs) - set(PASSED_ON)
        if unknown:
            raise TypeError(
                f'{cls.__name__} takes segmentor, attack, adv_ratio, '
                f'pixel_range and {", ".join(PASSED_ON)}, but got '
                f'{", ".join(sorted(unknown))}; settings of the segmentor '
                'belong inside segmentor=dict(...)')
        if isinstance(segmentor, dict):
            cfg = copy.deepcopy(segmentor)
            # mmengine hands every model the config's preprocessor, which
            # yields to the model's own there too.
            preprocessor = kwargs.pop('data_preprocessor', None)
            cfg.update(kwargs)
            if cfg.get('data_preprocessor') is None:
                cfg['data_preprocessor'] = preprocessor
            return unwrap_segmentor(MMSEG_MODELS.build(cfg))
        if any(value is not None for value in kwargs.values()):
            raise TypeError(
                f'{", ".join(sorted(kwargs))} can be passed on to the config '
                'of a segmentor only, but segmentor is already built')
        return unwrap_segmentor(segmentor)

    def _adopt_children(self, segmentor: nn.Module) -> None:
        """Have the children of the segmentor, under their own names.

        The very dictionaries are shared, so what is replaced here is there
        too, and copies and pickles stay whole.
        """
        # Past nn.Module, which would register it under a prefix.
        self.__dict__['segmentor'] = segmentor
        for name in ('_modules', '_parameters', '_buffers',
                     '_non_persistent_buffers_set'):
            self.__dict__[name] = getattr(segmentor, name)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if 'segmentor' not in self.__dict__:  # while being unpickled
                raise
            return getattr(self.__dict__['segmentor'], name)

    def train(self, mode: bool = True) -> 'AdversarialSegmentor':
        """Set the mode of the segmentor, which is no child."""
        self.training = mode
        self.segmentor.train(mode)
        if not mode:
            self.training_attack.time_share.pause()
        return self

    def init_weights(self) -> None:
        """Initialise as the segmentor does."""
        self.segmentor.init_weights()
        self._is_init = True

    def loss(self, inputs: Tensor, data_samples: list) -> Dict[str, Tensor]:
        """Return the losses on the mixed batch, and logs."""
        result, logs = self.training_attack(
            self.attack, self.adv_ratio, self.segmentor, inputs, data_samples,
            normalized=True, pixel_range=self.pixel_range)
        if result.pixel_range is not None:
            self.pixel_range = result.pixel_range
        with trained_logits(last_head(self.segmentor),
                            len(data_samples)) as logits:
            # Of a tensor they are a tensor again.
            losses = self.mixed_loss(
                cast(Tensor, result.inputs), data_samples,
                len(result.adv_images))
        logs.update(part_accuracies(self.segmentor, logits, data_samples,
                                    len(result.adv_images)))
        losses.update({name: torch.as_tensor(value, dtype=torch.float32)
                       for name, value in logs.items()})
        return losses

    def mixed_loss(self, inputs: Tensor, data_samples: list,
                   num_adv: int) -> Dict[str, Tensor]:
        """Return the losses on a mixed batch; what strategies override.

        Args:
            inputs (Tensor): The batch (B, 3, H, W), as the data preprocessor
                gives it.
            data_samples (list[SegDataSample]): Its samples.
            num_adv (int): How many images, the last ones, are adversarial; 0
                where a small batch rounds to none or the attack overflowed.

        Returns:
            dict: Tensors by name; those with ``loss`` in their name are
            summed into what is minimised.

        Example:
            >>> def mixed_loss(self, inputs, data_samples, num_adv):
            ...     losses = self.segmentor.loss(inputs, data_samples)
            ...     losses['loss_size'] = 1e-3 * inputs.square().mean()
            ...     return losses
        """
        return self.segmentor.loss(inputs, data_samples)

    def predict(self, inputs: Tensor,
                data_samples: Optional[list] = None) -> List[Any]:
        """Predict as the segmentor does, on clean inputs."""
        return self.segmentor.predict(inputs, data_samples)

    def _forward(self, inputs: Tensor,
                 data_samples: Optional[list] = None) -> Any:
        return self.segmentor._forward(inputs, data_samples)

    def extract_feat(self, inputs: Tensor) -> Any:
        """Extract features as the segmentor does."""
        return self.segmentor.extract_feat(inputs)

    def encode_decode(self, inputs: Tensor, batch_img_metas: list) -> Tensor:
        """Encode and decode as the segmentor does."""
        return self.segmentor.encode_decode(inputs, batch_img_metas)

    def postprocess_result(self, seg_logits: Tensor,
                           data_samples: Optional[list] = None) -> List[Any]:
        """Post-process as the segmentor does."""
        return self.segmentor.postprocess_result(seg_logits, data_samples)
