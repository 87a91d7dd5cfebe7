"""evaluate(): a model, its images and attacks -> results and a report."""
import os.path as osp
from contextlib import ExitStack
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from .evaluation import Evaluation
from .plan.suites import Plan, make_plan
from .run.models import TestedModel
from .run.start import working_in


def evaluate(model: TestedModel,
             loader: Any,
             suite: Union[None, str, Dict[str, Any]] = None,
             attacks: Sequence[Union[str, Dict[str, Any]]] = (),
             eps: Sequence[Any] = (),
             steps: Sequence[int] = (),
             minimal: Sequence[Union[str, Dict[str, Any]]] = (),
             *,
             out_dir: Optional[str] = None,
             surrogate: Optional[TestedModel] = None,
             others: Sequence[TestedModel] = (),
             seed: int = 0,
             limit: Optional[int] = None,
             batch_size: Optional[int] = 1,
             resume: bool = False,
             panels: int = 4,
             probes: int = 4,
             cache: Optional[str] = None,
             save_adv: Optional[str] = None,
             skip_bad: bool = False,
             before: Optional[Callable] = None,
             after: Optional[Callable] = None,
             visualizer: Any = None,
             quiet: bool = False) -> Dict[str, Any]:
    """Test a model on clean images and under attacks.

    Every image is attacked with noise that depends on nothing but the seed,
    the attack and the image: any number of processes, any batch size, and a
    run that was interrupted and resumed, give the same numbers.

    Args:
        model (TestedModel): The model under test: ``TestedModel(network,
            classes)``, or that of ``load_model(config, checkpoint)``.
        loader (DataLoader | Dataset): Its images, of a map-style data set:
            items (image, labels), or those of an MMSeg test loader.
        suite (str | dict, optional): Name or file of a suite, or the suite.
            Defaults to None, 'quick' if there are no attacks either.
        attacks (sequence): Attacks, as ``'PGD'``, ``'BIM(norm=l2)'`` or
            configs. Rows are attacks x eps x steps.
        eps (sequence): Radii in units of the [0, 1] pixel range, of l2
            attacks root mean squares. Defaults to those of the suite or
            attack.
        steps (sequence): Numbers of steps, likewise.
        minimal (sequence): Searches for the smallest perturbation.
        out_dir (str, optional): Folder of the report. Defaults to None:
            nothing is written.
        surrogate (TestedModel, optional): Model on which adversarial images
            are made. Defaults to None, the tested one.
        others (Sequence[TestedModel]): Further models of a transfer matrix.
        seed (int): Seed of all noise. Defaults to 0.
        limit (int, optional): Number of images, the first of the data set.
            Defaults to None, all.
        batch_size (int, optional): Most images of one size that are attacked
            together. None chooses: 1 on a CPU, 8 on a GPU. Defaults to 1.
        resume (bool): Whether to continue an interrupted test in ``out_dir``.
        panels (int): Number of images to draw. Defaults to 4.
        probes (int): Number of images for the self-checks that need attacks
            of their own; none are made if 0. Defaults to 4.
        cache (str, optional): Folder of adversarial images made on other
            models. Defaults to None, ``adversaries`` in ``out_dir``.
        save_adv (str, optional): Folder in which the adversarial image of
            every row and search is saved: exactly, as ``.npy``, and rounded,
            as ``.png``, with a ``manifest.json``. Defaults to None, nowhere.
        skip_bad (bool): Whether to leave out images that cannot be loaded
            or predicted, and list them in the report. Defaults to False: the
            first of them ends the test.
        before (callable, optional): ``before(sample)`` of each clean image.
        after (callable, optional): ``after(sample, outputs)``, likewise.
        visualizer (Visualizer, optional): mmengine's, to show results too.
        quiet (bool): Whether to show nothing while at work.

    Returns:
        Results: The content of results.json, a dict; its attribute
        ``intervals`` is the content of intervals.json.

    Raises:
        KeyError: If an attack is unknown.
        TypeError: If an option of an attack, or a sample, has a wrong type.
        ValueError: If an argument is out of range, the models have other
            classes, a resumed test had other settings, an image cannot be
            tested, or another test is at work in ``out_dir``.
        OSError: If a file of the report cannot be written; names it.

    Example:
        >>> model, loader = load_model('pspnet.py', 'iter.pth')
        >>> results = evaluate(model, loader, suite='reliable', out_dir='x')
    """
    check_numbers(seed=seed, limit=limit, batch_size=batch_size,
                  panels=panels, probes=probes)
    if not isinstance(model, TestedModel):
        raise TypeError(
            'model must be a TestedModel, such as TestedModel(network, '
            'classes=[...]) or that of load_model(config, checkpoint), but '
            f'got {type(model).__name__}')
    if resume and out_dir is None:
        raise ValueError('resume needs out_dir, the folder of the report '
                         'that is to be continued')
    notes: List[str] = []

    def counts() -> Optional[List[int]]:
        counted = model.class_counts(out_dir)
        if counted is None and not notes:
            notes.append('The training labels are not there to be counted, or '
                         'not in a known way: balanced losses weigh by the '
                         'classes of each image instead.')
        return counted

    check_folders(out_dir, save_adv)
    # Refused before the training labels are counted, which takes a while.
    plan = make_plan(suite, attacks, eps, steps, minimal)
    check_models(model, surrogate, others, bool(plan.minimal),
                 save_adv is not None)
    check_layers(plan, surrogate or model)
    plan = make_plan(suite, attacks, eps, steps, minimal, counts)
    evaluation = Evaluation(
        plan, model, loader, out_dir, surrogate, list(others), seed, limit,
        batch_size, panels, probes, cache, save_adv, skip_bad, quiet, notes)
    with working_in(out_dir, evaluation.screen), \
            working_in(save_adv, evaluation.screen, '--save-adv'), \
            ExitStack() as stack:
        for each in [model, *others, *([surrogate] if surrogate else [])]:
            stack.enter_context(each.evaluating())
        return evaluation.run(resume, before, after, visualizer)


def check_numbers(**numbers: Any) -> None:
    """Check the arguments of a test that are whole numbers."""
    least = dict(limit=1, batch_size=1)
    for name, value in numbers.items():
        if value is None and name in least:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f'{name} must be a whole number, but got '
                            f'{value!r}')
        if value < least.get(name, 0):
            raise ValueError(f'{name} must be >= {least.get(name, 0)}, but '
                             f'got {value}')
        if name == 'seed' and value >= 2**32:
            raise ValueError(f'seed must be less than 2**32, but got {value}')


def check_folders(out_dir: Optional[str], save_adv: Optional[str]) -> None:
    """Refuse to save adversarial images where the report is."""
    if out_dir is None or save_adv is None:
        return
    if osp.realpath(out_dir) == osp.realpath(save_adv):
        raise ValueError('save_adv must be another folder than out_dir, that '
                         f'of the report, but both are {save_adv}; name one '
                         'inside it, for instance')


def check_models(model: TestedModel, surrogate: Optional[TestedModel],
                 others: Sequence[TestedModel], searches: bool,
                 saves: bool) -> None:
    """Refuse models that cannot be tested together, or not in this way."""
    everyone = [*([surrogate] if surrogate else []), *others]
    for name, other in [('surrogate', surrogate)] * bool(surrogate) + [
            ('others', other) for other in others]:
        if not isinstance(other, TestedModel):
            raise TypeError(f'{name} must be a TestedModel, but got '
                            f'{type(other).__name__}')
    for other in everyone:
        ours, theirs = ([m.num_logits or len(m.classes)] for m in
                        (model, other))
        if ours != theirs:
            raise ValueError(
                f'{other.info["config"]} must have the {ours[0]} classes of '
                'the tested model for a transfer attack, but has '
                f'{theirs[0]}')
    if 'crop' in [m.surface for m in (model, *everyone)]:
        if everyone:
            raise ValueError(
                "surface 'crop' cannot go with a surrogate or a matrix: it "
                'attacks every window by itself and so makes no adversarial '
                "image that another model could be shown; take 'slide' or "
                "'whole', or leave --surface out")
        if saves:
            raise ValueError(
                "surface 'crop' makes no adversarial image that could be "
                "saved; leave out save_adv (--save-adv), or take 'slide' or "
                "'whole'")
        if searches:
            raise ValueError(
                "surface 'crop' makes no adversarial image whose distance "
                'could be searched for; leave out --minimal, or take '
                "'slide' or 'whole'")


def check_layers(plan: Plan, model: TestedModel) -> None:
    """Refuse a ``feature_layer`` that the attacked model does not have."""
    for row in plan.rows + plan.minimal:
        attack = row.build(1)
        for each in [attack, *getattr(attack, 'attacks', ())]:
            if each.feature_layer is not None:
                model.attacked.with_feature_layer(each.feature_layer)
