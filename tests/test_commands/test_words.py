"""Words that commands share, and how soon they are answered."""
import argparse
import os
import shlex
import subprocess
import sys
import time
from importlib import import_module

import pytest

from mmseg_rppgd import commands
from mmseg_rppgd.commands.words import add_run_options, read_settings

MODULES = {name: import_module(
    f'mmseg_rppgd.commands.{name.replace("-", "_")}')
    for name in commands.COMMANDS}
# One line of words each; what is answered, and by what exit code.
ANSWERED = [
    ('--help', 'usage: mmseg_rppgd COMMAND', 0),
    *((f'{name} --help', f'usage: mmseg_rppgd {name}', 0)
      for name in MODULES),
    ('trian x.py', "invalid choice: 'trian'", 2),
    ('robust-test a.py a.pth --limt 3', 'unrecognized arguments: --limt', 2),
    ('robust-test a.py a.pth --eps 8/', "must be a number or a fraction", 2),
    ('robust-test a.py a.pth --steps 0', '--steps must be >= 1, but got 0',
     2),
    ('train a.py --cfg-options batch_size', "but got 'batch_size'", 2),
    ('reproduce table9', "invalid choice: 'table9'", 2),
    ('compare a=x --metric IoU', "invalid choice: 'IoU'", 2),
    ('list atacks', "invalid choice: 'atacks'", 2),
    ('publish', 'required: CHECKPOINT', 2),
]
# In one process, because starting one is what takes long.
ANSWER = '''
import contextlib, io, sys
from mmseg_rppgd.commands import main
for line in sys.stdin:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main(line.split())
        except SystemExit as end:
            code = end.code
    print(repr((out.getvalue(), code)))
print(sorted({'torch', 'mmengine', 'numpy', 'mmseg'} & set(sys.modules)))
'''


def test_words_are_answered_before_anything_is_imported():
    began = time.monotonic()
    result = subprocess.run(
        [sys.executable, '-c', ANSWER], text=True, capture_output=True,
        input='\n'.join(words for words, _, _ in ANSWERED),
        env={**os.environ, 'COLUMNS': '80'})
    seconds = time.monotonic() - began
    assert result.returncode == 0, result.stderr
    *answers, imported = result.stdout.splitlines()
    assert imported == '[]'
    assert seconds < 5  # 0.2 on a quiet machine, for all of them
    for (words, expected, code), answer in zip(ANSWERED, answers):
        text, ended = eval(answer)
        assert expected in text and ended == code, words


def examples_of(parser):
    """The words of the examples that --help shows."""
    shown = parser.format_help().partition('\nexamples:\n')[2]
    lines = shown.partition('\n\n')[0].splitlines()
    return [shlex.split(line.strip()[len(parser.prog):]) for line in lines]


@pytest.mark.parametrize('name', MODULES)
def test_examples_of_a_command_are_words_that_it_takes(name):
    parser = MODULES[name].parser(f'mmseg_rppgd {name}')
    examples = examples_of(parser)
    assert examples
    for words in examples:
        args = parser.parse_args(words)
        if hasattr(MODULES[name], 'check'):
            MODULES[name].check(parser, args)


@pytest.mark.parametrize('name', MODULES)
def test_the_usage_is_one_short_line(name):
    usage = MODULES[name].parser(f'mmseg_rppgd {name}').format_usage()
    assert len(usage.splitlines()) == 1 and len(usage) < 80


def parse(*words):
    parser = argparse.ArgumentParser('tool')
    add_run_options(parser, 'logs')
    return parser.parse_args(words)


@pytest.mark.parametrize('word', ['batch_size', '=3', 'a=[1,2',
                                  'a=(1,2]'])
def test_settings_that_cannot_be_read_are_named(word, capsys):
    with pytest.raises(SystemExit):
        parse('--cfg-options', 'b=1', word)
    assert (f'--cfg-options must be followed by KEY=VALUE, such as '
            f'train_dataloader.batch_size=2, but got {word!r}'
            in capsys.readouterr().err)


def test_settings_that_mmengine_cannot_read_are_named():
    with pytest.raises(ValueError, match="KEY=VALUE, .*got 'a="):
        read_settings(['b=1', 'a=[1,(2],3)'])


def test_settings_are_read_as_mmseg_reads_them():
    args = parse('--cfg-options', 'a.b=1', 'c=[(1,2),x]', 'd=x=y',
                 '--cfg-options', 'e=None', 'f=')
    assert read_settings(args.cfg_options) == {
        'a.b': 1, 'c': [(1, 2), 'x'], 'd': 'x=y', 'e': None, 'f': ''}
    assert read_settings(None) is None
