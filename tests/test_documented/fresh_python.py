"""Fresh Pythons, without the seconds that imports take.

As a program it imports what others wrote, but nothing of mmcv, mmseg or this
package, and then forks for each job that it reads: a Python in which what is
tested has not been imported, as a user starts one.
"""
import gc
import json
import os
import runpy
import subprocess
import sys
from importlib import import_module
from typing import NamedTuple

# Whatever is imported in an order of its own is not here.
HEAVY = ('torch', 'mmengine.runner', 'mmengine.hooks', 'mmengine.evaluator',
         'mmengine.visualization', 'mmengine.optim', 'mmengine.model', 'cv2',
         'matplotlib.pyplot', 'scipy.signal', 'scipy.optimize')
OURS = ('mmcv', 'mmseg', 'mmseg_rppgd')
SECONDS = 120


class Result(NamedTuple):
    """What came of a job: exit code, seconds of CPU, and what it wrote."""
    code: int
    seconds: float
    text: str


class FreshPython:
    """Runs Pythons in which only ``folder`` was put on the path.

    Args:
        folder (Path): What the package was installed into.
    """

    def __init__(self, folder):
        self.folder = folder
        env = dict(os.environ, PYTHONPATH=str(folder), OMP_NUM_THREADS='1',
                   MPLBACKEND='Agg')
        self.process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env=env, cwd=folder)

    def run(self, words, folder):
        """Run ``python WORDS`` in a folder.

        Args:
            words (list[str]): ``-m MODULE ...`` or ``FILE ...``.
            folder (Path): Where.
        """
        out = folder / '.written'
        job = dict(words=list(map(str, words)), folder=str(folder),
                   out=str(out))
        self.process.stdin.write(json.dumps(job) + '\n')
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, 'the Python that forks has ended'
        text = out.read_text(errors='replace')
        out.unlink()
        return Result(*json.loads(answer), text)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def serve():
    """Fork for each job; in the child, return the words of the job."""
    for line in sys.stdin:
        job = json.loads(line)
        sys.stdout.flush()
        child = os.fork()
        if not child:
            return job
        _, status, used = os.wait4(child, 0)
        code = (-os.WTERMSIG(status) if os.WIFSIGNALED(status)
                else os.WEXITSTATUS(status))
        print(json.dumps([code, used.ru_utime + used.ru_stime]), flush=True)
    return None


def begin(job):
    """Make of this process a Python that was just started."""
    import signal
    signal.alarm(SECONDS)  # a job that hangs ends
    os.chdir(job['folder'])
    null = os.open(os.devnull, os.O_RDONLY)
    out = os.open(job['out'], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number, file in ((0, null), (1, out), (2, out)):
        os.dup2(file, number)
    first, *words = job['words']
    if first == '-m':
        sys.argv = words
        sys.path[0] = os.getcwd()
        runpy.run_module(words[0], run_name='__main__', alter_sys=True)
    else:
        sys.argv = job['words']
        sys.path[0] = os.path.dirname(os.path.abspath(first))
        runpy.run_path(first, run_name='__main__')


if __name__ == '__main__':
    for module in HEAVY:
        import_module(module)
    for module in OURS:
        assert module not in sys.modules, module
    gc.freeze()  # a child need not walk, and so copy, what it was born with
    job = serve()
    if job is not None:
        begin(job)
