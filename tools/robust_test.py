"""Test how robust a segmentor is; takes what mmseg's tools/test.py takes.

    python tools/robust_test.py CONFIG CHECKPOINT
    python tools/robust_test.py CONFIG CHECKPOINT --suite paper
    python tools/robust_test.py CONFIG CHECKPOINT --attacks PGD RPPGD \
        'BIM(norm=l2)' --eps 4/255 8/255 --steps 10 100 --limit 50

The report is in --out: results.json, results.csv, table.md.
"""
from mmseg_rppgd.commands.robust_test import main

if __name__ == '__main__':
    main()
