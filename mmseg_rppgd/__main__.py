"""``python -m mmseg_rppgd COMMAND``."""
from mmseg_rppgd.commands import main

if __name__ == '__main__':
    main()
