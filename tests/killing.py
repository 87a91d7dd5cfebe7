"""End processes with all that they started, as a power cut would."""
import os
import signal
import subprocess
import time
from typing import Dict, Tuple


def kill_all(process: subprocess.Popen) -> None:
    """Kill a process and those that it started, and see them end.

    A launcher gives every process a session of its own, so that a signal to
    its group leaves them running, and writing.
    """
    doomed = [process.pid]
    table = processes()
    for pid in doomed:  # grows
        doomed += [child for child, (parent, _) in table.items()
                   if parent == pid]
    for pid in doomed:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended by itself
    process.wait()
    while any(processes().get(pid, (0, 'Z'))[1][:1] != 'Z'
              for pid in doomed[1:]):
        time.sleep(0.02)


def processes() -> Dict[int, Tuple[int, str]]:
    """Return parent and state of every process."""
    lines = subprocess.run(
        ('ps', '-A', '-o', 'pid=,ppid=,stat='), check=True, text=True,
        capture_output=True).stdout.splitlines()
    return {int(pid): (int(parent), state)
            for pid, parent, state in map(str.split, lines)}
