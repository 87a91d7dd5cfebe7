"""What a system of the paper is at each size."""
import pytest

from mmseg_rppgd.config import load_config
from mmseg_rppgd.reproduce import EXPERIMENTS, SCALES, System
from mmseg_rppgd.reproduce.scales import gpus_of


@pytest.mark.parametrize('scale', SCALES)
def test_every_system_has_a_config(scale):
    scale = SCALES[scale]
    systems = {scale.resolve(system) for each in EXPERIMENTS.values()
               for cell in each.cells
               for system in (cell.system, cell.trial.surrogate) if system}
    assert len(systems) == (60 if scale.name == 'full' else 20)
    for system in systems:
        cfg = load_config(scale.config(system))
        hooks = cfg.get('custom_hooks') or []
        attacked = 'segmentor' in cfg.model or any(
            hook['type'].startswith('mmseg_rppgd.') for hook in hooks)
        assert attacked == (system.strategy != 'Standard')
        assert system.model.lower() in scale.stem(system)


def test_small_scales_have_one_data_set():
    voc, cityscapes = (System('PSPNet', 'DDC-AT', data)
                       for data in ('VOC', 'Cityscapes'))
    assert SCALES['mini'].resolve(voc) == SCALES['mini'].resolve(cityscapes)
    assert SCALES['full'].resolve(voc) == voc


def test_the_standard_model_of_full_scale_is_stock():
    config = SCALES['full'].config(System('DeepLabv3', 'Standard', 'ADE20K'))
    assert config == ('mmseg::deeplabv3/deeplabv3_r50-d8_4xb4-160k_'
                      'ade20k-512x512.py')


def test_the_number_of_gpus_is_read_off_the_name_of_a_config():
    assert gpus_of('pspnet_r50-d8_4xb2-80k_cityscapes-512x1024.py') == 4
    with pytest.raises(ValueError, match="must have its number.*'own.py'"):
        gpus_of('own.py')
