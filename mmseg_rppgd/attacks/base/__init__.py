"""What attacks are written with."""
from .attack import Attack, AttackResult, Callback
from .frozen import evaluating, frozen, own_chance
from .gradients import FiniteCheck, ascent_gradient, check_depends, gradient
from .inputs import (RANGE_SLACK, AttackInputs, Generators, check_generators,
                     check_inputs, check_int)
from .model import (DEFAULT_IGNORE_INDEX, AttackedModel, CheckedModel, Model,
                    capture, check_model)
from .one_by_one import OneImage, one_by_one, select
from .outputs import SegOutput, found_keys, output_advice, two_logits
from .targets import refuse_targets, untargeted
from .tensors import (at_least_float32, autocasts, describe, full_precision,
                      predict_classes)
from .trackers import (BestInBall, BestIterate, SmallestSuccess, count_reached,
                       perturbation_norm)

__all__ = [
    'Attack', 'AttackInputs', 'AttackResult', 'AttackedModel', 'BestInBall',
    'BestIterate', 'Callback', 'CheckedModel', 'DEFAULT_IGNORE_INDEX',
    'FiniteCheck', 'Generators', 'Model', 'OneImage', 'RANGE_SLACK',
    'SegOutput', 'SmallestSuccess', 'ascent_gradient', 'at_least_float32',
    'autocasts', 'capture', 'check_depends', 'check_generators',
    'check_inputs', 'check_int', 'check_model', 'count_reached', 'describe',
    'evaluating', 'found_keys', 'frozen', 'full_precision', 'gradient',
    'one_by_one', 'output_advice', 'own_chance', 'perturbation_norm',
    'predict_classes', 'refuse_targets', 'select', 'two_logits', 'untargeted'
]
