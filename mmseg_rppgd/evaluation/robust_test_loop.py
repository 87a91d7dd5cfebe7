"""The robust test behind ``Runner.test()``, by one line of a config."""
import os.path as osp
from typing import Any, Dict, Optional, Sequence, Tuple

from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop

from ..checkpoints import require_this_loader
from ..hooks import AttackHook
from ..pixel_model import unwrap_segmentor
from ..registry import LOOPS
from .configs import (CheckpointFits, describe_model, load_segmentor,
                      tested_segmentor)
from .evaluate import check_numbers, evaluate
from .results.balls import worst_balls
from .run.bad_data import data_set_faults
from .run.models import Sample

Model = Tuple[str, str]


@LOOPS.register_module()
class RobustTestLoop(BaseLoop):
    """Test a segmentor clean and under attacks, and write the report.

    It stands in the place of mmseg's ``TestLoop``, also in mmseg's own
    ``tools/test.py``. Hooks see the clean images as in mmseg's own test.

    Args:
        runner (Runner): Holds the model, loaded before :meth:`run`.
        dataloader (DataLoader | dict): The test loader.
        evaluator (Evaluator | dict | list, optional): That of the config; it
            says which label is void. Defaults to None, that of the head.
        suite, attacks, eps, steps, minimal: As of :func:`evaluate`.
        out_dir (str, optional): Folder of the report. Defaults to None,
            ``robust`` in the work directory.
        surrogate (tuple, optional): Config and checkpoint of a model on
            which the adversarial images are made. Defaults to None.
        others (Sequence[tuple]): Config and checkpoint of each further model
            of a transfer matrix. Defaults to none.
        surface (str, optional): ``'whole'``, ``'slide'`` or ``'crop'``.
            Defaults to None, the inference mode of each attacked model.
        cache, save_adv, seed, limit, resume, batch_size, panels, probes,
        skip_bad: As of :func:`evaluate`; batch_size defaults to None, chosen.
        model_info (dict, optional): ``config``, ``checkpoint`` and
            ``sha256`` as the report names the model. Defaults to None, those
            of the runner.
        fp16 (bool): Whether to test under autocast. Defaults to False.
        pixel_range (float, optional): Value of white in what the pipeline
            gives: 255, or 1 where it scales images to [0, 1]. Defaults to
            None, what is certain from the first image.

    Example:
        >>> test_cfg = dict(type='mmseg_rppgd.RobustTestLoop', suite='quick')
    """

    def __init__(self,
                 runner: Runner,
                 dataloader: Any,
                 evaluator: Any = None,
                 suite: Any = None,
                 attacks: Sequence[Any] = (),
                 eps: Sequence[Any] = (),
                 steps: Sequence[int] = (),
                 minimal: Sequence[Any] = (),
                 *,
                 out_dir: Optional[str] = None,
                 surrogate: Optional[Model] = None,
                 others: Sequence[Model] = (),
                 surface: Optional[str] = None,
                 cache: Optional[str] = None,
                 save_adv: Optional[str] = None,
                 seed: int = 0,
                 limit: Optional[int] = None,
                 resume: bool = False,
                 batch_size: Optional[int] = None,
                 panels: int = 4,
                 probes: int = 4,
                 skip_bad: bool = False,
                 model_info: Optional[Dict[str, Any]] = None,
                 fp16: bool = False,
                 pixel_range: Optional[float] = None) -> None:
        with data_set_faults():
            super().__init__(runner, dataloader)
        check_numbers(seed=seed, limit=limit, batch_size=batch_size,
                      panels=panels, probes=probes)
        cfg = runner.cfg
        if cfg.get('load_from'):
            require_this_loader(cfg.load_from)
        self.evaluated = dict(
            suite=suite, attacks=attacks, eps=eps, steps=steps,
            minimal=minimal, seed=seed, limit=limit, resume=resume,
            batch_size=batch_size, panels=panels, probes=probes, cache=cache,
            save_adv=save_adv, skip_bad=skip_bad,
            out_dir=out_dir or osp.join(runner.work_dir, 'robust'))
        dataset = self.dataloader.dataset
        segmentor = unwrap_segmentor(runner.model)

        def tested(segmentor: Any, cfg: Any, info: Dict[str, Any],
                   surface: Optional[str], **kwargs: Any) -> Any:
            return tested_segmentor(
                segmentor, cfg, dataset.metainfo, evaluator,
                surface=surface, fp16=fp16, info=info, **kwargs)

        def second(config: str, checkpoint: str) -> Any:
            device = next(segmentor.parameters()).device
            model = load_segmentor(config, checkpoint, device)
            return tested(model, model.cfg,
                          describe_model(config, checkpoint), surface)

        # A surface is that of the attacked model.
        self.model = tested(
            segmentor, cfg, model_info or describe_model(
                cfg.filename or 'a config of its own', cfg.get('load_from')),
            None if surrogate else surface, pixel_range=pixel_range)
        self.surrogate = second(*surrogate) if surrogate else None
        self.others = [second(*other) for other in others]
        runner.register_hook(CheckpointFits(), priority='VERY_HIGH')

    def run(self) -> Dict[str, Any]:
        """Run the test and return its results, as in results.json."""
        attacking = [type(hook).__name__ for hook in self.runner.hooks
                     if isinstance(hook, AttackHook) and 'test' in hook.stages]
        if attacking:
            raise ValueError(
                f'{attacking[0]} of custom_hooks would attack the clean '
                'images of the robust test; remove it, or give it other '
                "stages than 'test'")
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        results = evaluate(
            self.model, self.dataloader, surrogate=self.surrogate,
            others=self.others, before=self._before, after=self._after,
            visualizer=self.runner.visualizer, **self.evaluated)
        self.runner.call_hook('after_test_epoch', metrics=flatten(results))
        self.runner.call_hook('after_test')
        return results

    def _before(self, sample: Sample) -> None:
        self.runner.call_hook('before_test_iter', batch_idx=sample.index,
                              data_batch=sample.data)

    def _after(self, sample: Sample, outputs: list) -> None:
        self.runner.call_hook('after_test_iter', batch_idx=sample.index,
                              data_batch=sample.data, outputs=outputs)


def flatten(results: Dict[str, Any]) -> Dict[str, float]:
    """Metrics as the hooks of a test know them: one name, one number."""
    metrics = {k: results['clean'][k] for k in ('aAcc', 'mIoU', 'mAcc')}
    for attack in results['attacks']:
        steps = attack['config'].get('steps')
        name = attack['name'] + ('' if steps is None else f'-{steps}')
        threat = attack['threat']
        eps = threat['eps']
        if eps is None:  # a radius that follows the size of the image
            eps = f'rms {threat["rms"]}'
        for key in ('aAcc', 'mIoU', 'MisRatio'):
            metrics[f'{name}@{eps}/{key}'] = attack[key]
    balls = worst_balls(results)
    for ball in balls:
        name = 'worst_case' + (
            f'@{ball["norm"]}-' + (
                f'{ball["eps"]}' if ball['eps'] is not None else
                f'rms {ball["rms"]}') if len(balls) > 1 else '')
        metrics[f'{name}/aAcc'] = ball['aAcc']
        metrics[f'{name}/mIoU'] = ball['mIoU_greedy']
    return {k: v for k, v in metrics.items() if v is not None}
