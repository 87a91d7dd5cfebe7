"""What a training and a test begin and end with."""
import argparse
from contextlib import contextmanager
from typing import Iterator

from ...checkpoints import restricted_loading
from ...cli import find_own_code, require_launcher
from ...compat import leave_processes, require_mmseg


@contextmanager
def prepared(args: argparse.Namespace) -> Iterator[None]:
    """Prepare this process for MMSeg, and leave the others when it is done.

    Args:
        args (Namespace): With a config and the options of
            ``add_run_options``.

    Raises:
        ValueError: If no launcher has started the process that says so.
        ImportError: If MMSeg lacks something.
    """
    with restricted_loading(args.trust_checkpoint):
        require_launcher(args)
        find_own_code(args.config)
        require_mmseg()
        yield
        leave_processes()
