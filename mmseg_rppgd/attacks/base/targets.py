"""Attacks where there are only true labels: none that aims at them."""
from typing import Union

from ...registry import ATTACKS
from .attack import Attack


def refuse_targets(attack: Attack, where: str) -> None:
    """Refuse a targeted attack where there are only true labels.

    Args:
        attack (Attack): The attack.
        where (str): What is given true labels, for the message.

    Raises:
        ValueError: If the attack is targeted.
    """
    if attack.targeted:
        raise ValueError(
            f'{where} takes no targeted attack, but got {attack.name} with '
            'targeted=True: the labels there are the true ones, and moving '
            'towards them makes the images easier. Leave targeted out, or '
            'call the attack itself, with target labels')


def untargeted(attack: Union[dict, Attack], where: str) -> Attack:
    """Return an attack for true labels, built if it is a config.

    Args:
        attack (dict | Attack): The attack, or its config in ``ATTACKS``.
        where (str): What is given true labels, for the message.

    Raises:
        KeyError: If the attack is unknown.
        ValueError: If it is targeted.
    """
    built = attack if isinstance(attack, Attack) else ATTACKS.build(attack)
    refuse_targets(built, where)
    return built
