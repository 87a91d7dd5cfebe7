"""Segmentors for strategies that change the training loss."""
from .adversarial_segmentor import AdversarialSegmentor

__all__ = ['AdversarialSegmentor']
