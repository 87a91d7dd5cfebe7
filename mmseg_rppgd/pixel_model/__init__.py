"""A segmentor of MMSeg as a model of [0, 1] images, and batches attacked."""
from .counted import CountedPixels
from .model import PixelModel, last_head, unwrap_segmentor
from .perturb import PerturbedBatch, perturb_batch
from .training import TrainingAttack

__all__ = [
    'CountedPixels', 'PerturbedBatch', 'PixelModel', 'TrainingAttack',
    'last_head', 'perturb_batch', 'unwrap_segmentor'
]
