"""Segmentors for strategies that change the training loss."""
from ..compat import require_mmseg

require_mmseg()  # before what needs it is imported

from .adversarial_segmentor import AdversarialSegmentor  # noqa: E402
from .ddcat_segmentor import DDCATSegmentor  # noqa: E402

__all__ = ['AdversarialSegmentor', 'DDCATSegmentor']
