"""The network left as it was found, and a random state of its own."""
import threading
import weakref
from contextlib import ExitStack, contextmanager
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase


@contextmanager
def evaluating(networks: Iterable[nn.Module]) -> Iterator[None]:
    """Run networks as after training; every module's flag is put back."""
    modules = [module for network in networks for module in network.modules()
               if module.training]
    # The flag itself, since train() of a backbone may do more.
    for module in modules:
        module.training = False
    try:
        yield
    finally:
        for module in modules:
            module.training = True


@contextmanager
def frozen(networks: Iterable[nn.Module]) -> Iterator[None]:
    """Put networks in eval mode without parameter gradients, and restore.

    Every module's own flag is kept, so a frozen BatchNorm stays as it was,
    and every buffer, also where a forward pass writes to it in eval mode.
    Reentrant activation checkpointing (``with_cp``) cannot be crossed by
    ``torch.autograd.grad`` and is switched off meanwhile.

    Attacks on one network, or on networks that share modules, from several
    threads wait for each other.

    Note:
        - What else runs on the network in another thread meanwhile can not
          be protected: a training step finds it in eval mode and its
          parameters without gradients. Attack between the steps, or a copy.

    Raises:
        ValueError: If the parameters were made under ``inference_mode``.
    """
    modules = {
        id(module): module
        for network in networks for module in network.modules()
    }
    with ExitStack() as stack:
        # In one order, so that no two threads wait for each other.
        for _, module in sorted(modules.items()):
            stack.enter_context(lock_of(module))
        with _frozen(list(modules.values())):
            yield


_locks: Dict[int, Any] = {}
_making_lock = threading.Lock()


def lock_of(module: nn.Module) -> Any:
    """Return the lock of a module; a thread may take it again."""
    found = _locks.get(id(module))
    if found is None:
        with _making_lock:
            found = _locks.get(id(module))
            if found is None:
                found = _locks[id(module)] = threading.RLock()
                # Another module may get the number of one that is gone.
                gone = weakref.finalize(module, _locks.pop, id(module), None)
                gone.atexit = False
    return found


@contextmanager
def _frozen(modules: List[nn.Module]) -> Iterator[None]:
    training = [module.training for module in modules]
    checkpointing = [
        module for module in modules
        if getattr(module, 'with_cp', False) is True
    ]
    parameters = [
        parameter for module in modules
        for parameter in module.parameters(recurse=False)
        if parameter.requires_grad
    ]
    if any(parameter.is_inference() for parameter in parameters):
        raise ValueError(
            'model was made under torch.inference_mode(), and autograd '
            'cannot go through such parameters; build and load it outside')
    buffers = [
        SavedBuffer(module, name, buffer, buffer._version, buffer.clone())
        for module in modules for name, buffer in module._buffers.items()
        if buffer is not None and not buffer.is_inference()
    ]
    try:
        for module in modules:
            module.training = False
        for module in checkpointing:
            setattr(module, 'with_cp', False)
        for parameter in parameters:
            parameter.requires_grad_(False)
        yield
    finally:
        for module, mode in zip(modules, training):
            module.training = mode
        for module in checkpointing:
            setattr(module, 'with_cp', True)
        for parameter in parameters:
            parameter.requires_grad_(True)
        for buffer in buffers:
            buffer.restore()


class SavedBuffer(NamedTuple):
    """A buffer and what was in it.

    Args:
        module (nn.Module): Whose buffer it is.
        name (str): Its name there.
        buffer (Tensor): The buffer itself.
        version (int): How often it had been written to.
        value (Tensor): A copy.
    """
    module: nn.Module
    name: str
    buffer: Tensor
    version: int
    value: Tensor

    def restore(self) -> None:
        """Put the buffer back if it was replaced or written to."""
        self.module._buffers[self.name] = self.buffer
        # BatchNorm writes its statistics without being counted.
        if (self.buffer._version != self.version
                or isinstance(self.module, _NormBase)):
            # Past the count: a graph of the caller may hold the buffer.
            self.buffer.data.copy_(self.value)


@contextmanager
def own_chance(generator: Optional[torch.Generator],
               device: torch.device) -> Iterator[None]:
    """Keep a model that draws numbers in eval mode away from global state.

    It draws from a state that the generator decides, which is not advanced;
    without a generator everything draws from the global one. A batch has one
    such state, so such a model does not see its images as if alone. Threads
    share the global state, so such models are to be attacked in one.
    """
    if generator is None:
        yield
        return
    copy = torch.Generator(generator.device)
    copy.set_state(generator.get_state())
    seed = int(torch.randint(2**62, (), generator=copy, device=copy.device))
    on_gpu = device.type == 'cuda'
    with torch.random.fork_rng([device] if on_gpu else []):
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
