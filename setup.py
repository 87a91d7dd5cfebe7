"""Package mmseg_rppgd, and its configs, tools and docs as mmseg_rppgd/.mim."""
import os
import os.path as osp
import re
import shutil
from typing import List, Set

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = osp.dirname(osp.abspath(__file__))
# mmengine finds `mmseg_rppgd::...` configs under this folder of the package.
# In a checkout they are symbolic links, in a wheel they are copies.
MIM = ('configs', 'tools', 'docs', 'model-index.yml')
# Kinds of files that are copied. Of the scripts one is of use without a
# checkout; the others would make an environment among installed packages.
KINDS = ('.py', '.yaml', '.md', 'launch.sh')
UNUSED = ('__pycache__', '_site', 'assets')  # of the pages of a site


def read(*parts: str) -> str:
    with open(osp.join(ROOT, *parts), encoding='utf-8') as file:
        return file.read()


def requirements(name: str) -> List[str]:
    lines = read('requirements', f'{name}.txt').splitlines()
    return [line for line in lines if line and not line.startswith('#')]


def page(markdown: str) -> str:
    """The README without links to files, which an index does not have."""
    return re.sub(r'\[([^\]]+)\]\((?!https?:)[^)]*\)', r'\1', markdown)


def others(folder: str, names: List[str]) -> Set[str]:
    """What is not copied."""
    return {name for name in names
            if osp.isfile(osp.join(folder, name)) and
            not name.endswith(KINDS) or name in UNUSED}


class BuildPyWithMim(build_py):
    """Build the package, and copy configs, tools and docs into it."""

    def run(self) -> None:
        super().run()
        if getattr(self, 'editable_mode', False):
            return
        for name in MIM:
            target = osp.join(self.build_lib, 'mmseg_rppgd', '.mim', name)
            os.makedirs(osp.dirname(target), exist_ok=True)
            if osp.isdir(osp.join(ROOT, name)):
                shutil.copytree(osp.join(ROOT, name), target,
                                dirs_exist_ok=True, ignore=others)
            else:
                shutil.copyfile(osp.join(ROOT, name), target)


extras = {name: requirements(name) for name in ('lite', 'mmcv', 'test',
                                                'docs')}
# Everything but the two mmcvs, of which there can only be one.
extras['all'] = extras['test']

setup(
    name='mmseg_rppgd',
    version=re.search(r"__version__ = '(.+?)'",
                      read('mmseg_rppgd', '__init__.py')).group(1),
    description='RP-PGD adversarial training and robustness tests for '
    'MMSegmentation',
    long_description=page(read('README.md')),
    long_description_content_type='text/markdown',
    author='The mmseg_rppgd contributors',
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords=['adversarial attacks', 'adversarial training', 'robustness',
              'semantic segmentation', 'MMSegmentation', 'RP-PGD'],
    classifiers=[
        'Development Status :: 4 - Beta',
        'Environment :: Console',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3 :: Only',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Topic :: Scientific/Engineering :: Image Recognition',
        'Typing :: Typed',
    ],
    packages=find_packages(include=['mmseg_rppgd', 'mmseg_rppgd.*']),
    package_data={'mmseg_rppgd': ['py.typed'],
                  'mmseg_rppgd.evaluation.report.page': ['templates/*']},
    entry_points=dict(
        console_scripts=['mmseg_rppgd = mmseg_rppgd.commands:main']),
    python_requires='>=3.8',
    install_requires=requirements('runtime'),
    extras_require=extras,
    cmdclass={'build_py': BuildPyWithMim},
    zip_safe=False)
