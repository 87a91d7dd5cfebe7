"""The output of a command may end before the command does."""
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = '''
import logging, socket, sys
from mmseg_rppgd.output import ends_with_its_reader
sys.stdin.readline()  # until the reader has gone
logger = logging.getLogger('a')
logger.addHandler(logging.StreamHandler(sys.stdout))
with ends_with_its_reader():
    {}
'''
WRITERS = dict(
    print='print("x" * 100000)',
    little='print("x")',  # which stays in the buffer to the end
    log='[logger.warning("x" * 10000) for _ in range(100)]',
    rich='[__import__("rich.console").console.Console().print("x" * 1000)'
    ' for _ in range(100)]',
    help='__import__("argparse").ArgumentParser("x").parse_args(["-h"])')


def run(code):
    """Run code whose output nobody reads; its exit code and errors."""
    process = subprocess.Popen(
        [sys.executable, '-W', 'ignore', '-c', code], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ, PYTHONPATH=str(ROOT)))
    process.stdout.close()
    _, errors = process.communicate('go\n')
    return process.returncode, errors


@pytest.mark.parametrize('writer', WRITERS)
def test_nobody_reads_any_more(writer):
    code, errors = run(SCRIPT.format(WRITERS[writer]))
    assert errors == ''
    assert code == 141 or writer == 'help'  # argparse keeps quiet itself


def test_another_pipe_is_not_meant():
    code, errors = run(SCRIPT.format('raise BrokenPipeError("of a worker")'
                                     ).replace('stdin.readline()', 'argv'))
    assert code == 141 or 'of a worker' in errors


def test_a_pipe_that_is_read_keeps_the_error():
    done = subprocess.run(
        [sys.executable, '-c', SCRIPT.format(
            'print(1); raise BrokenPipeError("of a worker")')],
        text=True, capture_output=True, input='',
        env=dict(os.environ, PYTHONPATH=str(ROOT)))
    assert done.returncode == 1 and done.stdout == '1\n'
    assert 'BrokenPipeError: of a worker' in done.stderr


def test_a_command_ends_quietly():
    code, errors = run(
        'import sys; sys.stdin.readline()\n'
        'from mmseg_rppgd.commands import main; main(["list", "configs"])')
    assert (code, errors) == (141, '')


def test_logging_and_consoles_are_left_as_they_were():
    from rich.console import Console

    from mmseg_rppgd.output import ends_with_its_reader
    before = logging.Handler.handleError, vars(Console).get('on_broken_pipe')
    with pytest.raises(ZeroDivisionError), ends_with_its_reader():
        1 / 0
    assert before == (logging.Handler.handleError,
                      vars(Console).get('on_broken_pipe'))
