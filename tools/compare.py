"""Put the reports of several models side by side: what did training buy?

    python tools/compare.py standard=DIR rppgd3-at=DIR [--metric mIoU]
    python tools/compare.py --worst-case DIR DIR

DIR is the report folder of tools/robust_test.py, or its results.json. The
first model is the one that the others are compared with.
"""
from mmseg_rppgd.commands.compare import main

if __name__ == '__main__':
    main()
