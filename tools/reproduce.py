"""Repeat tables and figures of the RP-PGD paper, at three sizes.

    python tools/reproduce.py table4 --scale mini

--help lists the tables and figures.
"""
from mmseg_rppgd.commands.reproduce import main

if __name__ == '__main__':
    main()
