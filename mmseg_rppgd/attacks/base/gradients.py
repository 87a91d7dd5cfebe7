"""The gradient of the images, and whether it is finite."""
import torch
from torch import Tensor

from .inputs import AttackInputs


class FiniteCheck:
    """Notes the first step with a non-finite number, without a sync.

    Args:
        name (str): Name of the attack, for the error.
        steps (int): How many steps it takes.
        device (torch.device): Where the numbers are.
        what (str): What is looked at, for the error. Defaults to 'gradient'.
    """

    def __init__(self, name: str, steps: int, device: torch.device,
                 what: str = 'gradient') -> None:
        self.name = name
        self.steps = steps
        self.what = what
        self.bad_step = torch.zeros((), dtype=torch.int64, device=device)

    def see(self, grad: Tensor, step: int) -> None:
        """Look at the gradient of a step."""
        self.note(~grad.isfinite().all(), step)

    def note(self, bad: Tensor, step: int) -> None:
        """Take in whether a step was bad, a bool tensor of no dimension."""
        first = (self.bad_step == 0) & bad
        self.bad_step = torch.where(first, step, self.bad_step)

    def raise_if_not(self) -> None:
        """Raise FloatingPointError if a step was bad."""
        if int(self.bad_step):
            raise FloatingPointError(
                f'the {self.what} of {self.name} is not finite at step '
                f'{int(self.bad_step)} of {self.steps}; look for infinite '
                'logits or, under autocast, an overflow in half precision')


def ascent_gradient(loss: Tensor, images: Tensor,
                    inputs: AttackInputs) -> Tensor:
    """Return the gradient of each image's loss with respect to it.

    The loss is scaled by the number of labelled pixels: its gradients are
    then of the size of one pixel's and do not underflow in half precision.
    """
    return gradient((loss * inputs.num_labelled).sum(), images)


def gradient(value: Tensor, images: Tensor,
             retain_graph: bool = False) -> Tensor:
    """Return the gradient of a number with respect to the images."""
    check_depends(value.requires_grad)
    grad, = torch.autograd.grad(
        value, images, retain_graph=retain_graph, allow_unused=True)
    check_depends(grad is not None)
    return grad


def check_depends(found: bool) -> None:
    """Raise ValueError if no gradient was found."""
    if not found:
        raise ValueError(
            'the output of model does not depend on images through autograd; '
            'remove detach(), no_grad() or non-differentiable steps from it')
