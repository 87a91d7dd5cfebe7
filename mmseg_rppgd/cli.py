"""How the tools answer input that they cannot work with: in one sentence."""
import dis
import os.path as osp
import pickle
import sys
from contextlib import contextmanager
from types import TracebackType
from typing import Iterator, List, Tuple

PACKAGE = osp.dirname(osp.abspath(__file__))


@contextmanager
def errors_in_a_sentence(tool: str) -> Iterator[None]:
    """End a tool with a message where its input is at fault.

    A defect keeps its traceback.

    Args:
        tool (str): ``__file__`` of the tool.
    """
    try:
        yield
    except Exception as error:
        if not is_for_the_user(error, tool):
            raise
        text = error.args[0] if isinstance(error, KeyError) else error
        sys.exit(f'{osp.basename(tool)}: {text}')


def is_for_the_user(error: Exception, tool: str) -> bool:
    """Whether an error is a sentence about the input, not a defect.

    This package and its tools raise such errors themselves, on purpose.
    """
    if isinstance(error, (FileNotFoundError, FileExistsError, ImportError,
                          NotADirectoryError, PermissionError,
                          pickle.UnpicklingError)):
        return True
    if isinstance(error, AssertionError) and 'ann_file' in str(error):
        return True  # how mmseg says that the data set is not there
    frames = frames_of(error)
    if any(name.endswith(osp.join('torch', 'serialization.py'))
           for name, _ in frames):
        return True  # a file that is no checkpoint, or half of one
    if not isinstance(error, (KeyError, TypeError, ValueError,
                              FloatingPointError)):
        return False
    name, last = frames[-1]
    ours = PACKAGE, osp.dirname(osp.abspath(tool))
    code = last.tb_frame.f_code.co_code
    return (name.startswith(ours)
            and dis.opname[code[last.tb_lasti]] == 'RAISE_VARARGS')


def frames_of(error: Exception) -> List[Tuple[str, TracebackType]]:
    """Files that an error came through, the one that raised it last."""
    frames, step = [], error.__traceback__
    while step is not None:
        name = osp.abspath(step.tb_frame.f_code.co_filename)
        frames.append((name, step))
        step = step.tb_next
    return frames
