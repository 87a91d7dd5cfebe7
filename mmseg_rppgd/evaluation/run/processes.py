"""Several processes of one test."""
from typing import Any, Callable, List

from mmengine.dist import broadcast_object_list, get_rank


def on_first(function: Callable[[], Any]) -> Any:
    """Let the first process do something that the others wait for.

    All get what it returns, or the error that it raises: one process that
    ends alone leaves the others waiting.
    """
    outcome: List[Any] = [None, None]
    error = None
    if get_rank() == 0:
        try:
            outcome[0] = function()
        except Exception as caught:  # whatever it is, all must stop
            outcome[1] = error = caught
    broadcast_object_list(outcome)
    error = error or outcome[1]
    if error is not None:
        raise error
    return outcome[0]
