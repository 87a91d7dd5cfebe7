"""Attacks on any callable images -> logits, torch alone."""
from .adv_lib import DAG, ALMAProx
from .apgd import APGD
from .base import Attack, AttackResult, SegOutput
from .cw import CW
from .deepfool import DeepFool
from .ensemble import EnsembleAttack
from .gradient_attack import GradientAttack
from .minimal_norm import MinimalNormAttack, MinimalResult
from .objectives import Objective, PixelObjective
from .presets import BIM, FGSM, MIFGSM, PGD, CosPGD, PAdam, SegPGD
from .regions import Regions
from .rppgd import RPPGD
from .square import Square
from .threat_model import ThreatModel
from .updates import AdamStep, APGDStep, FixedStep, MomentumStep, Update

__all__ = [
    'ALMAProx', 'APGD', 'APGDStep', 'AdamStep', 'Attack', 'AttackResult',
    'BIM', 'CW', 'CosPGD', 'DAG', 'DeepFool', 'EnsembleAttack', 'FGSM',
    'FixedStep', 'GradientAttack', 'MIFGSM', 'MinimalNormAttack',
    'MinimalResult', 'MomentumStep', 'Objective', 'PAdam', 'PGD',
    'PixelObjective', 'RPPGD', 'Regions', 'SegOutput', 'SegPGD',
    'Square', 'ThreatModel', 'Update'
]
