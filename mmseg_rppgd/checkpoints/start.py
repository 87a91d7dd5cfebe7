"""Checks of a training before its first step."""
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner, find_latest_checkpoint

from .weights import check_finite, check_start, check_weights


class StartFits(Hook):
    """Refuse to train from weights that are not the model's.

    mmengine loads what fits and leaves the rest at random, with a warning
    that is easily missed.
    """

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check what ``load_from`` or ``--resume`` has found."""
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        name = str(runner.cfg.get('load_from')
                   or find_latest_checkpoint(runner.work_dir))
        if not runner.cfg.get('resume'):
            check_start(model, checkpoint, name)
            return
        check_weights(model, checkpoint, name, needs_all=True)
        missing = [key for key in ('meta', 'message_hub')
                   if not isinstance(checkpoint.get(key), dict)]
        if missing:
            raise ValueError(
                f'checkpoint {name!r} cannot be resumed: it has no '
                f'{missing[0]!r}, the state of a training. Leave --resume '
                'out to start from its weights')

    def before_train(self, runner: Runner) -> None:
        """Check what loading and ``init_cfg`` have left."""
        check_finite(runner.model)
