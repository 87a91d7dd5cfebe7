"""Train a segmentor; takes what mmseg's own tools/train.py takes.

    python tools/train.py CONFIG [--work-dir DIR] [--resume] [--amp] ...

CONFIG is a file, or a name such as ``mmseg_rppgd::rppgd3_at/...py``.
"""
from mmseg_rppgd.commands.train import main

if __name__ == '__main__':
    main()
