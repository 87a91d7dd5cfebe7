"""What a pickled checkpoint of mmengine may ask for besides tensors.

Each of these answers what such a checkpoint holds, and nothing else.
"""
import pickle
from importlib import import_module
from typing import Any, Callable, List, Tuple


def restricted_getattr(obj: Any, name: str) -> Callable:
    """Answer only what a pickled HistoryBuffer asks ``getattr`` for.

    HistoryBuffer pickles its statistics methods as calls of
    ``builtins.getattr``. The real one would open a way to run code.
    """
    from mmengine.logging import HistoryBuffer
    if obj is HistoryBuffer and name in ('min', 'max', 'mean', 'current'):
        return getattr(HistoryBuffer, name)
    raise pickle.UnpicklingError(
        'a checkpoint may only ask for the statistics of mmengine\'s '
        f'HistoryBuffer, but this one asks for {name!r} of {obj!r}. Load it '
        'only if you trust where it comes from')


def restricted_dtype(spec: Any, *args: Any) -> Any:
    """Answer ``numpy.dtype`` for plain numbers only.

    A pickle can give a *copied* dtype any flags, also the one which makes
    numpy read raw bytes as object pointers. It cannot change a shared one.
    """
    import numpy as np
    dtype = np.dtype(spec)
    if dtype.kind not in 'biufc' or not dtype.isbuiltin:
        raise pickle.UnpicklingError(
            'a checkpoint may only hold numpy arrays of plain numbers, but '
            f'this one has dtype {dtype}')
    return dtype


def named_array(*args: Any, **kwargs: Any) -> None:
    """Stand for the name ``numpy.ndarray``, which arrays are pickled with.

    The class itself, called with the dtype ``'O'``, would read raw bytes as
    object pointers.
    """
    raise pickle.UnpicklingError(
        'a checkpoint may name numpy.ndarray but not call it. Load it only '
        'if you trust where it comes from')


def restricted_reconstruct(kind: Any, *args: Any) -> Any:
    """Answer numpy's ``_reconstruct`` with an empty array to be filled."""
    import numpy as np
    if kind is not named_array:
        raise pickle.UnpicklingError(
            f'a checkpoint may only hold plain numpy arrays, but got {kind!r}')
    return np.ndarray.__new__(np.ndarray, (0, ), 'b')


def checkpoint_globals() -> List[Tuple[Any, str]]:
    """What mmengine's checkpoints hold besides tensors, by pickled name."""
    import numpy as np
    from mmengine.logging import HistoryBuffer
    try:
        multiarray: Any = import_module('numpy._core.multiarray')
    except ImportError:
        multiarray = import_module('numpy.core.multiarray')

    allowed = [(HistoryBuffer, 'mmengine.logging.history_buffer.'
                'HistoryBuffer'),
               (restricted_getattr, 'builtins.getattr'),
               (restricted_dtype, 'numpy.dtype'),
               (named_array, 'numpy.ndarray'),
               # To be filled an array must be of an allowed class; no pickle
               # can spell a name without a module.
               (np.ndarray, 'ndarray')]
    # Checkpoints of numpy 1 and 2 name the same functions differently.
    for core in ('numpy.core', 'numpy._core'):
        allowed += [(restricted_reconstruct,
                     f'{core}.multiarray._reconstruct'),
                    (multiarray.scalar, f'{core}.multiarray.scalar')]
    # The class of a restored dtype has to be known too.
    for kind in {type(np.dtype(code)) for code in '?bBhHiIlLqQefdgFDG'}:
        allowed.append((kind, f'{kind.__module__}.{kind.__qualname__}'))
    return allowed
