"""Tables and figures of the paper: which number is which measurement.

.. code:: text

 experiment  what an experiment is
 ablations   parts of RP-PGD: Tables 1 to 3, Appendix D
 attacks     attacks compared: Figures 2 and 3, Appendices B, C and E
 training    training strategies compared: Tables 4 to 6, Appendices C and E

Equal measurements are equal trials in all of them, and are made once.
"""
from .ablations import BETA, SCHEDULES, TABLE1, TABLE2, TABLE3
from .attacks import ADE20K, CONVERGENCE, FIGURE2, FIGURE3, TRANSFER
from .experiment import Cell, Experiment, Trial
from .training import ADE20K_TRAINING, CLAIMS, STRONG, TABLE4, TABLE5, TABLE6

EXPERIMENTS = {experiment.name: experiment for experiment in (
    TABLE1, TABLE2, TABLE3, TABLE4, TABLE5, TABLE6, FIGURE2, FIGURE3,
    CONVERGENCE, ADE20K, ADE20K_TRAINING, BETA, SCHEDULES, STRONG, TRANSFER,
    CLAIMS)}

__all__ = ['EXPERIMENTS', 'Cell', 'Experiment', 'Trial']
