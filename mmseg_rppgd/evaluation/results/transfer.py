"""Black-box attacks: adversarial images made on another model.

Adversarial images are made once and cached, as floating-point numbers and as
the 8-bit PNG that a file of them would be; both are tested, since rounding
costs an attack some of its strength.
"""
import hashlib
import os
import os.path as osp
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch
from mmengine.config import Config
from PIL import Image
from torch import Tensor, nn

from ... import __version__
from ...pixel_model import PixelModel, unwrap_segmentor
from .checks import SLACK
from ..run.examples import to_8bit
from ..run.jobs import (Predictor, Records, Sample, StopWatch, attack_record,
                   example_of, perturb)
from ...metrics import SCALARS, compute_metrics, pack_counts
from ..configs import model_config
from .results import stack_counts
from ..files import digest, jsonable
from ..plan.rows import AttackRun, Row


class OtherModel:
    """A second model: a surrogate, or a member of a transfer matrix.

    Args:
        segmentor (nn.Module): The model, loaded and in eval mode.
        info (dict): ``config``, ``checkpoint`` and ``sha256`` of it.
        cfg (Config, optional): What it was built from. Defaults to None,
            the ``cfg`` that mmseg's ``init_model`` leaves on a model.
    """

    def __init__(self, segmentor: nn.Module, info: Dict[str, Any],
                 cfg: Optional[Config] = None) -> None:
        self.segmentor = unwrap_segmentor(segmentor)
        self.info = info
        self.cfg = self.segmentor.cfg if cfg is None else cfg

    @property
    def settings(self) -> Dict[str, Any]:
        """dict: What decides the adversarial images made on it."""
        model = PixelModel(self.segmentor, surface='whole')
        return dict(self.info, model=digest(model_config(self.cfg)),
                    ignore_index=model.ignore_index)


def surface_of(segmentor: nn.Module, info: Dict[str, Any],
               surface: Optional[str]) -> str:
    """How a model is attacked: as wanted, or else as it infers.

    Raises:
        ValueError: If the model has no windows for that; it is named.
    """
    try:
        return PixelModel(segmentor, surface=surface).surface
    except ValueError as error:
        raise ValueError(f'{info["config"]}: {error}') from None


class Adversary(NamedTuple):
    """An adversarial image.

    Args:
        image (Tensor): (3, h, w) in [0, 1].
        seconds (float): How long it took to make.
    """
    image: Tensor
    seconds: float


class Source:
    """A model on which adversarial images are made, with their cache.

    Args:
        model (OtherModel): The model.
        cache (str): Folder of cached adversarial images.
        surface (str): ``'whole'``, ``'slide'`` or ``'crop'``.
        seed (int): Seed of the noise.
        fp16 (bool): Whether to attack under autocast. Defaults to False.
    """

    def __init__(self, model: OtherModel, cache: str, surface: str, seed: int,
                 fp16: bool = False) -> None:
        self.model = model
        self.cache = cache
        self.surface = surface
        self.seed = seed
        self.fp16 = fp16
        settings = {**model.settings, 'fp16': fp16, 'version': __version__}
        if settings['sha256']:  # the weights count, not where they lie
            del settings['config'], settings['checkpoint']
        self.settings = digest(settings)

    def attack(self, row: Row, sample: Sample, clean: Tensor) -> Adversary:
        """The adversarial image of a row, from the cache if it is there."""
        path = self._path(row, sample, clean)
        if osp.exists(path):
            with np.load(path) as arrays:
                image = torch.from_numpy(arrays['image']).to(clean)
                return Adversary(image, float(arrays['seconds']))
        watch = StopWatch(clean.device)
        batch = perturb(
            row.build(clean.numel()), self.model.segmentor, sample,
            self.surface,
            AttackRun([row]).generator(self.seed, sample.index), self.fp16)
        adversary = Adversary(batch.adv_images[0], watch.stop())
        self.save(row, sample, clean, *adversary)
        return adversary

    def save(self, row: Row, sample: Sample, clean: Tensor, image: Tensor,
             seconds: float) -> None:
        """Put the adversarial image of a row into the cache."""
        path = self._path(row, sample, clean)
        os.makedirs(osp.dirname(path), exist_ok=True)
        rounded = round_to_8bit(image, clean, row)
        Image.fromarray(to_8bit(rounded)).save(path.replace('.npz', '.png'))
        temporary = f'{path}.{os.getpid()}.tmp.npz'  # of this process alone
        np.savez_compressed(temporary, image=image.cpu().numpy(),
                            seconds=round(seconds, 4))
        os.replace(temporary, path)

    def _path(self, row: Row, sample: Sample, clean: Tensor) -> str:
        # All that decides an adversary is part of its name. Another data
        # set, size of it, set of labels or config of the model: another one.
        content = hashlib.sha256(self.settings.encode())
        for tensor in (clean, sample.label):
            content.update(str(tuple(tensor.shape)).encode())
            content.update(tensor.cpu().numpy().tobytes())
        info = self.model.info
        model = info['sha256'] or digest(info['checkpoint'])
        return osp.join(
            self.cache, model[:12], f'{row.key}-seed{self.seed}-'
            f'{self.surface}',
            f'{sample.index}-{content.hexdigest()[:16]}.npz')


def round_to_8bit(image: Tensor, clean: Tensor, row: Row) -> Tensor:
    """Round an adversarial image to the 256 levels of a picture.

    For linf, towards the clean image where the nearest level is outside the
    ball: a picture that left it would be another threat.
    """
    levels = (image * 255).round()
    if row.norm == 'linf' and row.eps is not None:
        slack = 1e-3  # of a level; float32 does not hit levels exactly
        lower = ((clean - row.eps) * 255 - slack).ceil()
        upper = ((clean + row.eps) * 255 + slack).floor()
        levels = torch.where(lower <= upper, levels.clamp(lower, upper),
                             levels)
    return levels.clamp(0, 255) / 255


class TransferJob:
    """Test a model on adversarial images of another.

    Args:
        row (Row): The attack.
        source (Source): The model on which it is run.
        predictor (Predictor): The tested model.
        keep (callable, optional): Takes the example of an image.
    """

    def __init__(self, row: Row, source: Source, predictor: Predictor,
                 keep: Any = None) -> None:
        self.row = row
        self.source = source
        self.predictor = predictor
        self.keep = keep
        self.name = row.label
        self.keys = [row.key]
        self.rows = [row]
        self.cost = row.steps or 10

    def __call__(self, sample: Sample) -> Records:
        clean = self.predictor.clean_image(sample)
        adversary = self.source.attack(self.row, sample, clean)
        counts, prediction = self.predictor.measure(sample, adversary.image)
        rounded, _ = self.predictor.measure(
            sample, round_to_8bit(adversary.image, clean, self.row))
        if self.keep is not None:
            self.keep(example_of(sample, self.row, clean, adversary.image,
                                 prediction))
        return {self.row.key: {
            **attack_record(sample, self.row, self.row.build(clean.numel()),
                            clean, adversary.image, counts,
                            clean.numel()),
            'seconds': round(adversary.seconds, 4),
            'rounded': pack_counts(rounded)}}


class MatrixJob:
    """Test every model on the adversarial images of one of them.

    Args:
        row (Row): The attack.
        name (str): Name of the model on which it is run.
        source (Source): That model.
        predictors (dict[str, Predictor]): The tested models by name.
        made (bool): Whether the images are in the cache already. Defaults
            to False.
    """

    def __init__(self, row: Row, name: str, source: Source,
                 predictors: Dict[str, Predictor],
                 made: bool = False) -> None:
        self.row = row
        self.source = source
        self.predictors = predictors
        self.name = f'{row.label} on {name}'
        self.keys = [f'matrix-{row.key}-from-{name}']
        self.cost = (0 if made else row.steps or 10) + 2 * len(predictors)

    def __call__(self, sample: Sample) -> Records:
        first = next(iter(self.predictors.values()))
        clean = first.clean_image(sample)
        adversary = self.source.attack(self.row, sample, clean)
        rounded = round_to_8bit(adversary.image, clean, self.row)
        targets = {
            name: {'float': pack_counts(
                       predictor.measure(sample, adversary.image)[0]),
                   'png': pack_counts(predictor.measure(sample, rounded)[0])}
            for name, predictor in self.predictors.items()}
        return {self.keys[0]: {'index': sample.index, 'image': sample.path,
                               'seconds': round(adversary.seconds, 4),
                               'targets': targets}}


def model_names(infos: Sequence[Dict[str, Any]]) -> List[str]:
    """Short names of models that differ."""
    names: List[str] = []
    for info in infos:
        name = osp.splitext(osp.basename(
            info['config'].rpartition('::')[2]))[0]
        count = sum(n == name or n.startswith(name + '#') for n in names)
        names.append(name if not count else f'{name}#{count + 1}')
    return names


def build_matrix(infos: Dict[str, Dict[str, Any]], rows: Sequence[Row],
                 clean: Dict[str, List[dict]],
                 records: Dict[Tuple[str, str], List[dict]],
                 classes: Sequence[str]) -> Dict[str, Any]:
    """Build the content of transfer.json.

    Args:
        infos (dict): Description of each model by name.
        rows (Sequence[Row]): The attacks.
        clean (dict): Records of the clean images by model.
        records (dict): Records by (key of the row, name of the source).
        classes (Sequence[str]): Names of the classes.
    """

    def metrics(counts: List[dict]) -> Dict[str, Optional[float]]:
        all_metrics = compute_metrics(
            stack_counts(counts, len(classes)), classes)
        return {k: all_metrics[k] for k in SCALARS}

    return {
        'schema': 1,
        'models': infos,
        'clean': {name: metrics(r) for name, r in clean.items()},
        'attacks': [{
            'name': row.name,
            'label': row.label,
            'config': jsonable(row.attack),
            'eps': row.eps,
            'matrix': {source: {target: {
                form: metrics([r['targets'][target][form]
                               for r in records[row.key, source]])
                for form in ('float', 'png')} for target in infos}
                for source in infos},
        } for row in rows],
    }


def matrix_check(matrix: Dict[str, Any]) -> Dict[str, Any]:
    """No model is attacked better by way of another one."""
    stronger = []
    for attack in matrix['attacks']:
        for target in matrix['models']:
            left = {source: cells[target]['float']['aAcc']
                    for source, cells in attack['matrix'].items()}
            stronger += [
                f'{attack["label"]} leaves {target} {value:.2f} aAcc when it '
                f'is made on {source} and {left[target]:.2f} white-box'
                for source, value in left.items()
                if value is not None and value < left[target] - SLACK]
    return {
        'name': 'transfer is not stronger than white-box, matrix',
        'passed': not stronger,
        'detail': '; '.join(stronger) + '.' if stronger else
        'No model is left with less aAcc by attacks that are made on another '
        f'one (up to {SLACK} points).'}
