"""Functions of the adv-lib package, without what it drags in.

Importing ``adv_lib.attacks`` needs visdom (only ever used to plot) and
compiles functions with ``torch.compile``. The modules used here need
neither, so they are loaded by themselves, from the installed package.
"""
import importlib.util
import os.path as osp
import sys
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType
from typing import Iterator

import torch

INSTALL = 'pip install --no-deps adv-lib==0.2.8'
PLOTTER = 'adv_lib.utils.visdom_logger'


@lru_cache(maxsize=None)
def load_adv_lib(name: str) -> ModuleType:
    """Load a module of adv-lib past the packages that contain it.

    Args:
        name (str): Its dotted name inside the package, such as
            'attacks.segmentation.alma_prox'.

    Raises:
        ImportError: If the package is not installed; says what to run.
    """
    package = importlib.util.find_spec('adv_lib')
    if package is None or not package.submodule_search_locations:
        raise ImportError(
            f'ALMAProx and DAG need the package adv-lib: run "{INSTALL}" '
            '(its dependencies visdom and torchvision are not needed)')
    path = osp.join(package.submodule_search_locations[0],
                    *name.split('.')) + '.py'
    spec = importlib.util.spec_from_file_location(
        f'mmseg_rppgd.attacks._adv_lib.{name}', path)
    module = importlib.util.module_from_spec(spec)
    with _without_plotter(), _without_compile():
        spec.loader.exec_module(module)
    return module


@contextmanager
def _without_plotter() -> Iterator[None]:
    if PLOTTER in sys.modules:
        yield
        return
    stand_in = ModuleType(PLOTTER)
    stand_in.VisdomLogger = type('VisdomLogger', (), {})
    sys.modules[PLOTTER] = stand_in
    try:
        yield
    finally:
        del sys.modules[PLOTTER]


@contextmanager
def _without_compile() -> Iterator[None]:
    # Compiling takes a minute per input size and a C++ compiler.
    compile_function = torch.compile
    torch.compile = lambda function: function
    try:
        yield
    finally:
        torch.compile = compile_function
