"""The metafiles say of every config what it is."""
import re
from functools import lru_cache
from pathlib import Path

import pytest
import yaml
from mmengine.config import utils as config_utils
from mmengine.hub import get_config

import mmseg_rppgd
from mmseg_rppgd.config import load_config
from mmseg_rppgd.registry import ATTACKS
from mmseg_rppgd.reproduce.passes import attacks_in_training
from mmseg_rppgd.reproduce.scales import gpus_of

ROOT = Path(__file__).parents[1]
LEAVES = sorted(str(file.relative_to(ROOT))
                for file in ROOT.glob('configs/[!_]*/*.py'))
FILES = sorted(str(file.relative_to(ROOT))
               for file in ROOT.glob('configs/*/metafile.yaml'))
DATA = {
    'PascalVOCDataset': 'Pascal VOC 2012 + Aug',
    'CityscapesDataset': 'Cityscapes',
    'ADE20KDataset': 'ADE20K',
    'mmseg_rppgd.CamVid': 'CamVid',
    'mmseg_rppgd.SyntheticShapes': 'Synthetic Shapes',
}
HEADS = {'PSPHead': 'PSPNet', 'ASPPHead': 'DeepLabV3'}

read_metafile = lru_cache(maxsize=None)(config_utils.load)


@pytest.fixture(autouse=True)
def _read_metafiles_once(monkeypatch):
    monkeypatch.setattr(config_utils, 'load', read_metafile)


@lru_cache(maxsize=None)
def read(file):
    return yaml.safe_load((ROOT / file).read_text())


def models():
    return [model for file in FILES for model in read(file)['Models']]


def metadata_of(cfg, name):
    """What a metafile should say of a config."""
    model = cfg.model.get('segmentor', cfg.model)
    dataset = cfg.train_dataloader.dataset
    kind = dataset.get('datasets', [dataset])[0].type
    width = model.backbone.get('base_channels', 64)
    backbone = f'R-{model.backbone.depth}'
    if width != 64:
        backbone += f'-W{width}'
    result = {
        'Training Data': DATA[kind],
        'Batch Size': cfg.train_dataloader.batch_size * gpus_of(name),
        'Architecture': [f'{backbone}-D8', HEADS[model.decode_head.type]],
    }
    for attack, adv_ratio in attacks_in_training(cfg):
        result.update({'Attack': attack.name, 'Attack Steps': attack.steps,
                       'Adv Ratio': adv_ratio})
    return result


def test_the_index_names_the_metafile_of_every_folder():
    index = read('model-index.yml')['Import']
    assert index == FILES
    assert [str(Path(file).parent) for file in FILES] == sorted(
        {str(Path(file).parent) for file in LEAVES})


def test_every_config_is_listed_once():
    assert [model['Config'] for model in models()] == LEAVES


def test_models_are_called_like_their_files_and_have_no_weights():
    for model in models():
        assert model['Name'] == Path(model['Config']).stem
        assert 'Weights' not in model and 'Results' not in model


@pytest.mark.parametrize('file', FILES)
def test_metadata_are_those_of_the_configs(file):
    for model in read(file)['Models']:
        cfg = load_config(str(ROOT / model['Config']))
        assert model['Metadata'] == metadata_of(cfg, model['Name'])


@pytest.mark.parametrize('file', FILES)
def test_a_folder_is_a_collection(file):
    content = read(file)
    collection, = content['Collections']
    assert {model['In Collection'] for model in content['Models']} == {
        collection['Name']}
    tag = collection['Name'].lower().replace('rp-pgd', 'rppgd')
    assert tag.replace('-', '_') == Path(file).parent.name
    assert set(collection['Metadata']['Training Data']) == {
        model['Metadata']['Training Data'] for model in content['Models']}


@pytest.mark.parametrize('file', [
    file for file in FILES if 'standard' not in file])
def test_paper_and_code_are_those_of_the_strategy(file):
    collection, = read(file)['Collections']
    code = (ROOT / collection['Code']).read_text()
    assert collection['Paper']['Title'] in re.sub(r'\s+', ' ', code)
    attack = read(file)['Models'][0]['Metadata']['Attack']
    assert ATTACKS.get(attack).__name__ == attack


def test_a_config_with_metadata_is_found_by_name():
    for model in models()[::20]:
        path = model['Config'].partition('/')[2]
        cfg = get_config(f'mmseg_rppgd::{path}')
        assert Path(cfg.filename).samefile(ROOT / model['Config'])
        assert Path(mmseg_rppgd.__file__).parent in Path(cfg.filename).parents


def test_there_are_no_weights_to_ask_for():
    with pytest.raises(AssertionError, match='Cannot find `Weights`'):
        get_config('mmseg_rppgd::' + LEAVES[0].partition('/')[2],
                   pretrained=True)
