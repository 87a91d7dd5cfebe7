"""Package mmseg_rppgd, and its configs and tools as mmseg_rppgd/.mim."""
import os
import os.path as osp
import re
import shutil
from typing import List

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = osp.dirname(osp.abspath(__file__))
# mmengine finds `mmseg_rppgd::...` configs under this folder of the package.
# In a checkout they are symbolic links, in a wheel they are copies.
MIM = ('configs', 'tools', 'model-index.yml')


def read(*parts: str) -> str:
    with open(osp.join(ROOT, *parts), encoding='utf-8') as file:
        return file.read()


def requirements(name: str) -> List[str]:
    lines = read('requirements', f'{name}.txt').splitlines()
    return [line for line in lines if line and not line.startswith('#')]


class BuildPyWithMim(build_py):
    """Build the package, and copy configs and tools into it."""

    def run(self) -> None:
        super().run()
        if getattr(self, 'editable_mode', False):
            return
        for name in MIM:
            target = osp.join(self.build_lib, 'mmseg_rppgd', '.mim', name)
            os.makedirs(osp.dirname(target), exist_ok=True)
            if osp.isdir(osp.join(ROOT, name)):
                shutil.copytree(
                    osp.join(ROOT, name), target, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns('__pycache__'))
            else:
                shutil.copyfile(osp.join(ROOT, name), target)


extras = {name: requirements(name) for name in ('lite', 'mmcv', 'minnorm',
                                                'test')}
# Everything but the two mmcvs, of which there can only be one.
extras['all'] = extras['minnorm'] + extras['test']

setup(
    name='mmseg_rppgd',
    version=re.search(r"__version__ = '(.+?)'",
                      read('mmseg_rppgd', '__init__.py')).group(1),
    description='RP-PGD adversarial training and robustness tests for '
    'MMSegmentation',
    long_description=read('README.md')
    if osp.exists(osp.join(ROOT, 'README.md')) else '',
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['mmseg_rppgd', 'mmseg_rppgd.*']),
    package_data={'mmseg_rppgd.evaluation.report.page': ['templates/*']},
    entry_points=dict(
        console_scripts=['mmseg_rppgd = mmseg_rppgd.commands:main']),
    python_requires='>=3.8',
    install_requires=requirements('runtime'),
    extras_require=extras,
    cmdclass={'build_py': BuildPyWithMim},
    zip_safe=False)
