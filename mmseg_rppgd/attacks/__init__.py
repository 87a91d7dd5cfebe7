"""Attacks on any callable images -> logits, torch alone."""
from .base import Attack, AttackResult, SegOutput
from .gradient_attack import GradientAttack
from .objectives import Objective, PixelObjective
from .presets import BIM, FGSM, MIFGSM, PGD, CosPGD, SegPGD
from .regions import Regions
from .rppgd import RPPGD
from .threat_model import ThreatModel
from .updates import FixedStep, MomentumStep, Update

__all__ = [
    'Attack', 'AttackResult', 'BIM', 'CosPGD', 'FGSM', 'FixedStep',
    'GradientAttack', 'MIFGSM', 'MomentumStep', 'Objective', 'PGD',
    'PixelObjective', 'RPPGD', 'Regions', 'SegOutput', 'SegPGD',
    'ThreatModel', 'Update'
]
