"""What a system of the paper is at each of three sizes."""
import os.path as osp
import re
from dataclasses import dataclass, replace
from typing import Dict, Optional, Tuple

STANDARD = 'Standard'
# The step size of every attack is the paper's; so is the radius, which
# stands for the root mean square of l2-BIM, whose own the paper leaves open.
EPS = 0.03


@dataclass(frozen=True)
class System:
    """A trained model of the paper.

    Args:
        model (str): ``'PSPNet'`` or ``'DeepLabv3'``.
        strategy (str): ``'Standard'``, ``'DDC-AT'``, ``'RP-PGD3-AT'``...
        data (str): ``'VOC'``, ``'Cityscapes'`` or ``'ADE20K'``, or the data
            of a scale.
    """
    model: str
    strategy: str
    data: str

    def __str__(self) -> str:
        return f'{self.model}/{self.strategy}/{self.data}'


@dataclass(frozen=True)
class Scale:
    """A size at which the experiments are repeated.

    Args:
        name (str): Its name.
        data (dict): Data set of the paper -> that of the scale. Where all
            are one, columns of several data sets have the same numbers.
        settings (dict): Data set of the scale -> what the names of its
            configs end in: of the standard model, and of adversarial
            training.
        images (int, optional): Test images, the first of the data set.
            None takes all.
        batch_size (int, optional): Images that are attacked together; None
            leaves it to the device.
        warm (bool): Whether adversarial training starts from the standard
            model of the same seed.
        stock (bool): Whether the standard model is that of mmseg's own
            config.
        note (str): What its numbers can say.
    """
    name: str
    data: Dict[str, str]
    settings: Dict[str, Tuple[str, str]]
    images: Optional[int]
    batch_size: Optional[int]
    warm: bool
    stock: bool
    note: str

    def resolve(self, system: System) -> System:
        """The system of this scale that stands for one of the paper."""
        return replace(system, data=self.data.get(system.data, system.data))

    def config(self, system: System) -> str:
        """Name of the config that trains a system of this scale."""
        model = system.model.lower()
        standard, adversarial = self.settings[system.data]
        if system.strategy == STANDARD:
            if self.stock:
                return f'mmseg::{model}/{model}_{standard}.py'
            return f'mmseg_rppgd::standard/{model}_standard_{standard}.py'
        tag = system.strategy.lower().replace('rp-pgd', 'rppgd')
        return (f'mmseg_rppgd::{tag.replace("-", "_")}/'
                f'{model}_{tag}_{adversarial}.py')

    def stem(self, system: System) -> str:
        """What the folders of a system are called."""
        return osp.splitext(osp.basename(
            self.config(system).rpartition('::')[2]))[0]


SMALL = ('Other data, a smaller model, fewer images and a shorter training '
         "than the paper's: sizes do not compare, the order may.")
_ALL = ('VOC', 'Cityscapes', 'ADE20K')
SCALES = {scale.name: scale for scale in (
    Scale('mini', dict.fromkeys(_ALL, 'SyntheticShapes'),
          {'SyntheticShapes': (
              'r18-d8_1xb16-800_synthetic-shapes-64x64',
              'r18-d8_1xb16-150_synthetic-shapes-64x64')},
          images=8, batch_size=8, warm=True, stock=False, note=SMALL),
    Scale('camvid', dict.fromkeys(_ALL, 'CamVid'),
          {'CamVid': ('r18-w32-d8_1xb6-500_camvid-120x160',
                      'r18-w32-d8_1xb6-500_camvid-120x160')},
          images=24, batch_size=4, warm=True, stock=False, note=SMALL),
    Scale('full', {},
          {'VOC': ('r50-d8_4xb4-40k_voc12aug-512x512',) * 2,
           'Cityscapes': ('r50-d8_4xb2-80k_cityscapes-512x1024',) * 2,
           'ADE20K': ('r50-d8_4xb4-160k_ade20k-512x512',) * 2},
          images=None, batch_size=None, warm=False, stock=True,
          note="The schedules of MMSegmentation, not those of the paper's "
               'code.'),
)}


def gpus_of(config: str) -> int:
    """The number of GPUs that the name of a config says: 4 of ``4xb2``.

    Raises:
        ValueError: If it says none.
    """
    found = re.search(r'_(\d+)xb\d+', config)
    if found is None:
        raise ValueError('config must have its number of GPUs in its name, '
                         f"such as 4 in '4xb2', but is {config!r}")
    return int(found[1])
