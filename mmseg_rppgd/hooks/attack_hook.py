"""Attack the batches of the train, val or test loop."""
import logging
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Optional, Sequence, Type, Union

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import BaseModel, is_model_wrapper
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import BaseLoop, Runner, autocast
from torch import Tensor

from ..attacks.base import untargeted
from ..attacks.base.spelling import spell_call
from ..pixel_model import (CountedPixels, PerturbedBatch, PixelModel,
                           TrainingAttack, perturb_batch, unwrap_segmentor)
from ..pixel_model.batches import check_adv_ratio
from ..pixel_model.space import check_pixel_range
from ..pixel_model.trained import TrainingPass
from ..registry import HOOK_SUFFIX, HOOKS

STAGES = ('train', 'val', 'test')


@HOOKS.register_module()
class AttackHook(Hook):
    """Replace inputs by adversarial ones before the model sees them.

    In training the last part of each batch is attacked, so the model learns
    from clean and adversarial images; in validation and tests all are, so
    the stock metrics measure robustness. The model and its parameter names
    stay stock.

    Logged to the message hub: ``attack_mis_ratio`` (percent of wrong pixels
    in the attack's last prediction) and, in training, ``acc_clean`` and
    ``acc_adv`` (percent of right pixels of either part of the batch, in the
    training pass itself, of heads with a ``conv_seg``; not where the config
    has ``compile``); ``attack_time_share`` in [0, 1], of the iteration
    before; and ``attack_overflows``, how many batches were trained clean so
    far because the attack overflowed in half precision, once there is one.

    Note:
        - The attack runs in the precision of the loop: that of an
          ``AmpOptimWrapper`` in training, ``fp16`` of the loop elsewhere.
          Of several optimizers it is theirs where they agree.
        - The noise of an iteration depends on seed, iteration and rank, so
          a resumed training goes on as an unbroken one would have.
        - In validation and tests the pixels are attacked that the evaluator
          counts, in training those that the loss does.
        - Before the first image is attacked it is proved that the attack
          sees the model as the loop does.
        - A model that attacks in its own loss (``AdversarialSegmentor``)
          refuses this hook in training.

    Args:
        attack (dict | Attack): The attack, or its config in ``ATTACKS``. A
            targeted one is refused: the labels are the true ones.
        stages (str | list[str]): Loops whose batches are attacked: any of
            ``'train'``, ``'val'``, ``'test'``. Defaults to 'train'.
        adv_ratio (float): Share of a training batch that is attacked,
            floor(B x adv_ratio + 0.5) images. One that rounds to no image of
            the first batch is refused; a smaller batch, as at the end of an
            epoch, may stay clean. Defaults to 0.5.
        pixel_range (float, optional): Value of white in what the pipeline
            gives: 255, or 1 where it scales images to [0, 1]. Defaults to
            None, what is certain from the first batch; where nothing is, an
            error says so.

    Example:
        >>> custom_hooks = [
        ...     dict(type='mmseg_rppgd.AttackHook',
        ...          attack=dict(type='RPPGD', steps=3))
        ... ]
    """

    priority = 'NORMAL'

    def __init__(self,
                 attack: Any,
                 stages: Union[str, Sequence[str]] = 'train',
                 adv_ratio: float = 0.5,
                 pixel_range: Optional[float] = None) -> None:
        self.attack = untargeted(attack, type(self).__name__)
        listed = [stages] if isinstance(stages, str) else stages
        if (not isinstance(listed, (list, tuple)) or not listed
                or any(stage not in STAGES for stage in listed)):
            raise ValueError("stages must be 'train', 'val', 'test' or a list "
                             f'of them, but got {stages!r}')
        check_adv_ratio(adv_ratio)
        check_pixel_range(pixel_range)
        self.pixel_range = pixel_range
        self.stages = list(listed)
        self.adv_ratio = adv_ratio
        self.training_attack = TrainingAttack()
        self._pass: Optional[TrainingPass] = None

    def __repr__(self) -> str:
        return spell_call(type(self).__name__, dict(
            attack=self.attack, **self._settings()))

    def _settings(self) -> Dict[str, Any]:
        return dict(stages=self.stages, adv_ratio=self.adv_ratio,
                    pixel_range=self.pixel_range)

    def _refuse_another(self, runner: Runner, stage: str) -> None:
        """Refuse a second hook that would attack the attacked images."""
        names = [type(hook).__name__ for hook in runner.hooks
                 if isinstance(hook, AttackHook) and stage in hook.stages]
        if len(names) > 1:
            raise ValueError(
                f'{" and ".join(names)} would attack the same {stage} images '
                'one after the other, out of the ball; keep one of them, an '
                "EnsembleAttackHook if several attacks are meant")

    def before_train(self, runner: Runner) -> None:
        """Refuse what would attack the batches once more."""
        self._refuse_another(runner, 'train')
        model = unwrap_model(runner.model)
        if 'train' in self.stages and getattr(model, 'attacks_in_training',
                                              False):
            raise ValueError(
                f'{type(self).__name__} and {type(model).__name__} would both '
                'attack each training batch; remove the hook from '
                "custom_hooks, or give it stages='test', or use the stock "
                'model instead of the wrapper')
        if 'train' in self.stages and precision_of(
                runner.optim_wrapper) is None:
            print_log(
                f'{type(self).__name__} attacks in full precision, since the '
                'optimizers differ in theirs', 'current', logging.WARNING)

    def before_train_iter(self, runner: Runner, batch_idx: int,
                          data_batch: Optional[dict] = None) -> None:
        """Attack part of a training batch."""
        if 'train' not in self.stages:
            return
        self._end_pass()  # of an iteration that an error ended
        with training_precision(runner):
            result = self._attack(runner, 'train', data_batch)
        if not runner.cfg.get('compile'):  # what is compiled has no hooks
            self._pass = TrainingPass(
                unwrap_segmentor(runner.model), len(result.inputs),
                len(result.adv_images))

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        """Log what the training pass made of both parts of the batch."""
        log(runner, 'train', self._end_pass())

    def _end_pass(self) -> Dict[str, Tensor]:
        watched, self._pass = self._pass, None
        return {} if watched is None else watched.end()

    def before_val(self, runner: Runner) -> None:
        """Keep validation out of the time of an iteration."""
        self._refuse_another(runner, 'val')
        self.training_attack.time_share.pause()

    def before_val_iter(self, runner: Runner, batch_idx: int,
                        data_batch: Optional[dict] = None) -> None:
        """Attack a validation batch."""
        if 'val' in self.stages:
            with loop_precision(runner.val_loop):
                self._attack(runner, 'val', data_batch, runner.val_loop)

    def before_test(self, runner: Runner) -> None:
        """Refuse a second attack."""
        self._refuse_another(runner, 'test')

    def before_test_iter(self, runner: Runner, batch_idx: int,
                         data_batch: Optional[dict] = None) -> None:
        """Attack a test batch."""
        if 'test' in self.stages:
            with loop_precision(runner.test_loop):
                self._attack(runner, 'test', data_batch, runner.test_loop)

    def _attack(self, runner: Runner, stage: str,
                data_batch: Optional[Dict[str, Any]],
                loop: Optional[BaseLoop] = None) -> PerturbedBatch:
        """Attack a batch in its place, and log what came of it."""
        assert data_batch is not None  # the loops of mmengine give it
        inputs, samples = data_batch['inputs'], data_batch['data_samples']
        logs: Dict[str, Any] = {}
        if stage == 'train':
            result, logs = self.training_attack(
                self.attack, self.adv_ratio, runner.model, inputs, samples,
                pixel_range=self.pixel_range)
        else:
            result = perturb_batch(
                self.attack, runner.model, inputs, samples,
                counted=CountedPixels.of_loop(
                    loop, PixelModel(runner.model, surface='whole')),
                pixel_range=self.pixel_range)
            if result.mis_ratio is not None:
                logs['attack_mis_ratio'] = result.mis_ratio.nanmean()
        if result.pixel_range is not None:
            self.pixel_range = result.pixel_range
        data_batch['inputs'] = result.inputs
        log(runner, stage, logs)
        return result


class NamedAttackHook(AttackHook):
    """An :class:`AttackHook` that takes the arguments of its attack.

    ``RPPGDHook(steps=3)`` attacks with ``RPPGD(steps=3)``. Every attack in
    ``ATTACKS`` has one, made when it is first asked for.

    Args:
        stages (str | list[str]): See :class:`AttackHook`.
        adv_ratio (float): See :class:`AttackHook`.
        pixel_range (float, optional): See :class:`AttackHook`.
        attack_args: Arguments of the attack.

    Example:
        >>> custom_hooks = [dict(type='mmseg_rppgd.RPPGDHook', steps=3)]
    """

    attack_type: str

    def __init__(self,
                 *,
                 stages: Union[str, Sequence[str]] = 'train',
                 adv_ratio: float = 0.5,
                 pixel_range: Optional[float] = None,
                 **attack_args: Any) -> None:
        super().__init__(
            dict(attack_args, type=self.attack_type), stages, adv_ratio,
            pixel_range)

    def __repr__(self) -> str:
        return spell_call(type(self).__name__, dict(
            self.attack.config, **self._settings()))

    @classmethod
    def of(cls, attack_type: str) -> Type['NamedAttackHook']:
        """Make the hook class of the attack of this name."""
        # The package is where pickle finds it again, by its name.
        return type(attack_type + HOOK_SUFFIX, (cls, ), {
            'attack_type': attack_type,
            '__doc__': cls.__doc__,
            '__module__': __package__,
        })


def unwrap_model(model: BaseModel) -> BaseModel:
    """Return the model inside a distributed wrapper."""
    return model.module if is_model_wrapper(model) else model


def log(runner: Runner, stage: str, values: Dict[str, Any]) -> None:
    """Write numbers, by name, to the log of a loop."""
    for name, value in values.items():
        runner.message_hub.update_scalar(f'{stage}/{name}', value)


@contextmanager
def training_precision(runner: Runner) -> Iterator[None]:
    """Enter the precision in which a training runs its model."""
    wrapper = precision_of(runner.optim_wrapper)
    if wrapper is None:
        yield
        return
    # Given the bare model, this opens autocast but leaves the gradient
    # synchronisation of a distributed wrapper alone.
    with wrapper.optim_context(unwrap_model(runner.model)):
        yield


def precision_of(wrapper: OptimWrapper) -> Optional[OptimWrapper]:
    """Return the optimizer wrapper whose context a training enters.

    A dict of them has none of its own: the ``train_step`` of the model
    enters those inside. It is that of one of them if they agree, or None.
    """
    if not isinstance(wrapper, OptimWrapperDict):
        return wrapper
    wrappers = list(wrapper.values())
    kinds = {(type(one), getattr(one, 'cast_dtype', None))
             for one in wrappers}
    return wrappers[0] if len(kinds) == 1 else None


@contextmanager
def loop_precision(loop: BaseLoop) -> Iterator[None]:
    """Enter the precision in which a val or test loop runs its model."""
    with autocast(enabled=getattr(loop, 'fp16', False)):
        yield
