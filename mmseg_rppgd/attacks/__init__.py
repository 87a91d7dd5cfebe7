"""Attacks on any callable images -> logits, torch alone."""
from .apgd import APGD
from .base import Attack, AttackResult, SegOutput
from .gradient_attack import GradientAttack
from .objectives import Objective, PixelObjective
from .presets import BIM, FGSM, MIFGSM, PGD, CosPGD, PAdam, SegPGD
from .regions import Regions
from .rppgd import RPPGD
from .threat_model import ThreatModel
from .updates import (AdamStep, APGDStep, FixedStep, MomentumStep,
                      Update)

__all__ = [
    'APGD', 'APGDStep', 'AdamStep', 'Attack', 'AttackResult', 'BIM',
    'CosPGD', 'FGSM', 'FixedStep', 'GradientAttack', 'MIFGSM',
    'MomentumStep', 'Objective', 'PAdam', 'PGD', 'PixelObjective', 'RPPGD',
    'Regions', 'SegOutput', 'SegPGD', 'ThreatModel', 'Update'
]
