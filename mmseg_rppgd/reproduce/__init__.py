"""The experiments of the RP-PGD paper, by name, at three sizes.

.. code:: text

 paper        what the paper reports
 experiments  tables and figures: which number stands for which measurement
 scales       what a system of the paper is at mini, camvid and full size
 done         trainings and reports that are there, and their numbers
 work         trains what is missing, measures what is missing
 recovered    what becomes of pixels that are wrong from the start
 tables       the paper's numbers beside ours
 panels       adversaries and predictions side by side
 scripts      the same as commands, for machines with GPUs or for Slurm
 hours        the GPU hours that these may take
"""
from .experiments import EXPERIMENTS, Cell, Experiment, Trial
from .scales import SCALES, Scale, System

__all__ = ['EXPERIMENTS', 'SCALES', 'Cell', 'Experiment', 'Scale', 'System',
           'Trial']
