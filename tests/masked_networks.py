"""A sound network behind masks, and sound ones that look like masked."""
import torch
import torch.nn.functional as F
from torch import nn
from toy_networks import CLASSES, ToyNetwork


class Behind(nn.Module):
    """A network behind a function of itself and its images."""

    def __init__(self, function, network=None):
        super().__init__()
        self.network = network or ToyNetwork()
        self.function = function
        self.eval()

    def forward(self, images):
        return self.function(self.network, images)


def chosen(like, share=0.4):
    """A fixed random choice of pixels."""
    chance = torch.Generator().manual_seed(3)
    return torch.rand(like.shape[-2:], generator=chance) < share


def detached(x):
    return torch.where(chosen(x), x.detach(), x)


def ripple(often):

    def function(network, images):
        waves = torch.sin(often * images).mean(1, keepdim=True)
        signs = torch.tensor([1., -1, 1, -1])[:, None, None]
        return network(images) + 0.3 * waves * signs

    return function


def decoy(network, images):
    logits = network(images)
    if images.diff(dim=-1).abs().mean() > 0.6:  # very noisy
        return logits
    nothing = (images - images.detach()).mean(1, keepdim=True)
    chance = torch.Generator().manual_seed(4)
    weights = torch.randn(logits.shape[1:], generator=chance)
    return logits + 1000 * weights * nothing


def coarse(images, gradient):
    levels = (7 * images).round() / 7
    return images + (levels - images).detach() if gradient else levels


class NoisyGradient(torch.autograd.Function):

    @staticmethod
    def forward(context, images):
        return images.clone()

    @staticmethod
    def backward(context, gradient):
        return gradient + 3 * gradient.std() * torch.randn_like(gradient)


def subsampled(network, images):
    """Read every second row and column alone."""
    return F.interpolate(network(images[..., ::2, ::2]), images.shape[-2:])


def in_its_place(network, images):
    """Know the place of every class, and look a little."""
    height = images.shape[-2]
    place = torch.arange(height) * len(CLASSES) // height
    prior = F.one_hot(place, len(CLASSES)).T[:, :, None]
    return 5. * prior + network(images)


MASKED = {
    'logits x 30': (lambda n, x: 30 * n(x), 'right pixels'),
    'logits x 1000': (lambda n, x: 1000 * n(x), 'right pixels'),
    'softmax': (lambda n, x: n(x).softmax(1), 'logits are'),
    'sigmoid': (lambda n, x: n(x).sigmoid(), 'logits are'),
    'detached image': (lambda n, x: n(detached(x)), 'gradients are'),
    'detached logits': (lambda n, x: detached(n(x)), 'the loss'),
    'detached whole': (lambda n, x: n(x).detach() + 0 * x.sum(),
                       'gradients are'),
    'ripple': (ripple(3000), 'the loss'),
    'slower ripple': (ripple(800), 'the loss'),
    'decoy': (decoy, 'the loss'),
    'clamped': (lambda n, x: n(x).clamp(-.3, .3), 'right pixels'),
    'rounded': (lambda n, x: n(x) + (n(x).round() - n(x)).detach(),
                'right pixels'),
    'levels, straight through': (lambda n, x: n(coarse(x, True)),
                                 'the loss'),
    'levels': (lambda n, x: n(coarse(x, False)), 'gradients are'),
    'dropout': (lambda n, x: n(F.dropout(x, 0.2)), 'two predictions'),
    'noise': (lambda n, x: n(x + 0.05 * torch.randn_like(x)),
              'two predictions'),
    'noisy gradient': (lambda n, x: n(NoisyGradient.apply(x)), 'the loss'),
}
SOUND = {
    'plain': lambda n, x: n(x),
    'colder': lambda n, x: 0.05 * n(x),
    'every second pixel': subsampled,
    'in its place': in_its_place,
    'partly blind': lambda n, x: n(x * (torch.arange(x.shape[-1]) > 2)),
}
