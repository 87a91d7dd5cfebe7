"""One sentence for each way in which a file is no checkpoint."""
import errno
import pickle
import re

TRUST = ('--trust-checkpoint (trust=True in load_model) loads it and runs '
         'whatever code it holds; take that only if you trust where it comes '
         'from')
# torch's own words, and those of the restricted functions in pickled.
_GLOBAL = re.compile(r'GLOBAL (\S+)')
_ASKS_FOR_MORE = ('may only', 'may name', 'Trying to', 'Can only',
                  'pickle_module')


def explain(error: Exception, name: str, start: bytes,
            trust: bool = False) -> Exception:
    """The error that says what is wrong with a checkpoint.

    Args:
        error (Exception): What torch raised while it read the file.
        name (str): The checkpoint, as it was given.
        start (bytes): The first bytes of its file.
        trust (bool): Whether it was read without limits. Defaults to False.
    """
    said = str(error)
    if _is_of_the_machine(error, said):
        return error
    if 'TorchScript' in said:
        return ValueError(
            f'checkpoint {name!r} is a TorchScript archive, which is a '
            'program and not weights; give the state_dict of the model')
    wanted = _GLOBAL.search(said)
    if wanted and not trust:
        return pickle.UnpicklingError(
            f'checkpoint {name!r} asks for {wanted.group(1)} while it is '
            f'loaded, which can run code, and is refused. {TRUST}')
    is_whole = start.startswith(b'PK')  # the archive that torch.save writes
    if not trust and (any(words in said for words in _ASKS_FOR_MORE)
                      or is_whole
                      and isinstance(error, pickle.UnpicklingError)):
        return pickle.UnpicklingError(
            f'checkpoint {name!r} asks for more than weights and is refused '
            f'({_core(said)}). {TRUST}')
    return ValueError(f'checkpoint {name!r} {_what_it_is(name, start)}')


def _is_of_the_machine(error: Exception, said: str) -> bool:
    """Whether the file may be sound: no memory, no GPU, a failing disk."""
    return (isinstance(error, MemoryError) or 'out of memory' in said
            or 'map_location' in said or isinstance(error, OSError)
            and error.errno not in (errno.EINVAL, None))


def _core(said: str) -> str:
    """Torch's reason, without its advice to load without limits."""
    parts = [part for part in said.split('\n\n')
             if part and not part.startswith('Check the documentation')]
    return ' '.join(parts[-1].partition('WeightsUnpickler error:')[2].split()
                    or parts[-1].split()).rstrip('.')


def _what_it_is(name: str, start: bytes) -> str:
    if name.endswith('.py'):
        return ('is a Python file; CONFIG comes first and CHECKPOINT second')
    try:
        text = start.decode('utf-8')
    except UnicodeDecodeError as error:
        # The last character may be cut in two.
        text = '' if error.start < len(start) - 4 else start[
            :error.start].decode('utf-8')
    if text and all(c.isprintable() or c in '\r\n\t' for c in text):
        return (f'is a text file and no checkpoint; it begins with '
                f'{" ".join(text.split())[:40]!r}')
    return ('is no checkpoint of torch, or was cut off or damaged while it '
            'was written or copied; take another copy')
