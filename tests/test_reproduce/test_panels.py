"""Figure 3: adversaries and predictions side by side."""
import json
import shutil
from collections import namedtuple

import numpy as np
import pytest
from PIL import Image
from printed import pdf_texts
from tiny_experiments import source_of
from toy_networks import CLASSES, ToyNetwork, toy_data

from mmseg_rppgd.evaluation import TestedModel, evaluate
from mmseg_rppgd.metrics import accuracy, unpack_counts
from mmseg_rppgd.reproduce import SCALES, Cell, Experiment, System, Trial
from mmseg_rppgd.reproduce.panels import draw_attacked
from mmseg_rppgd.reproduce.tables import write

# As in reproduce.work: one number, and where it comes from.
Measured = namedtuple('Measured', 'value seed source')
SYSTEM = System('PSPNet', 'Standard', 'VOC')
HARDENED = System('PSPNet', 'RP-PGD3-AT', 'VOC')
SCALE = SCALES['camvid']
PALETTE = [[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 0]]
ATTACKS = {'SegPGD2': 'SegPGD', 'RP-PGD2': 'RPPGD'}


@pytest.fixture(scope='module')
def reports(tmp_path_factory):
    """Folders of reports, by system and attack, and by number of images."""
    root = tmp_path_factory.mktemp('measured')
    for system, seed in ((SYSTEM, 0), (HARDENED, 1)):
        network = ToyNetwork(seed=seed).eval()
        model = TestedModel(network, CLASSES, feature_layer='features')
        model.palette = PALETTE
        for attack in ATTACKS.values():
            evaluate(model, toy_data(5, network=network), attacks=[attack],
                     steps=[2], panels=3, probes=0, quiet=True,
                     out_dir=str(root / system.strategy / attack))
    return root


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'out' / 'figure3'


def cells(*systems):
    return tuple(Cell(row, 'mIoU', system, Trial(attack, 2))
                 for system in systems for row, attack in ATTACKS.items())


def experiment(*systems):
    return Experiment('figure3', 'Figure 3', (), pictures=cells(*systems))


def measured(root, *systems, seeds=(0, )):
    return {cell: [Measured(1., seed, dict(folder=str(
        root / cell.system.strategy / cell.trial.attack)))
        for seed in seeds] for cell in cells(*systems)}


def drawn(path, values, *systems):
    return draw_attacked(experiment(*systems), SCALE, values,
                         str(path.parent))


def draw(path, reports, *systems, **kwargs):
    systems = systems or (SYSTEM, )
    return drawn(path, measured(reports, *systems, **kwargs), *systems)


def texts(path):
    return pdf_texts(path.with_suffix('.pdf'))


def accuracies(folder):
    """Accuracy by image, of what the report has counted."""
    key, = json.loads((folder / 'per_image/settings.json').read_text())[
        'keys']
    lines = (folder / f'per_image/{key}.jsonl').read_text().splitlines()
    return {record['index']: float(accuracy(unpack_counts(record, 4)))
            for record in map(json.loads, lines)}


def test_columns_are_those_of_the_paper(reports, path):
    assert draw(path, reports)
    shown = ' '.join(texts(path))
    for caption in ('(a) clean image', '(b) ground truth',
                    '(c) adversary of', '(d) prediction under',
                    '(e) adversary of', '(f) prediction under',
                    'PSPNet/Standard/CamVid, seed 0', 'not counted'):
        assert caption in shown
    for attack in ATTACKS:
        assert shown.count(attack) == 2
    content = path.with_suffix('.pdf').read_bytes()
    # Three images by six columns, each a picture; some may be one object.
    assert 12 <= content.count(b'/Subtype /Image') <= 18
    with Image.open(path.with_suffix('.png')) as picture:
        assert picture.width == 2100


def test_accuracies_are_those_of_the_reports(reports, path):
    draw(path, reports)
    expected = [accuracies(reports / 'Standard' / attack)
                for attack in ATTACKS.values()]
    notes = [text for text in texts(path) if text.endswith(' %')]
    assert notes == [f'{found[index]:.1f} %' for index in (0, 2, 4)
                     for found in expected]
    assert len(set(notes)) > 2


def test_every_picture_is_in_its_column(reports, path):
    """The truth is in the colours of its classes, where it has labels."""
    draw(path, reports)
    with Image.open(path.with_suffix('.png')) as picture:
        pixels = np.asarray(picture.convert('RGB'))
    left, size = 0.04 * 300, (7 - 0.08 - 5 * 0.05) / 6 * 300
    key, = (reports / 'Standard' / 'SegPGD' / 'examples').glob('SegPGD*')
    for column, folder, name in ((1, 'clean', 'label'),
                                 (3, key.name, 'prediction')):
        kept = np.load(key.parent / folder / '0.npz')[name]
        start = left + column * (size + 0.05 * 300)
        height = size * kept.shape[0] / kept.shape[1]
        for row, place in ((5, 3), (7, 9)):
            # The first row has a heading of one line above it.
            y = (0.04 + 0.13) * 300 + (row + .5) * height / kept.shape[0]
            x = start + (place + .5) * size / kept.shape[1]
            assert pixels[int(y), int(x)].tolist() == PALETTE[
                kept[row, place]]


def test_void_is_striped_grey(reports, path):
    draw(path, reports)
    with Image.open(path.with_suffix('.png')) as picture:
        colours = {colour: n for n, colour in picture.convert(
            'RGB').getcolors(1 << 24)}
    assert colours[140, 140, 140] > 5000 and colours[225, 225, 225] > 5000


def test_the_figure_is_on_the_page_of_its_experiment(reports, path):
    figure = Experiment('figure3', 'Figure 3', cells(SYSTEM),
                        weaker_is_better=True, pictures=cells(SYSTEM))
    values = {cell: [Measured(10., 0, dict(
        source_of(cell, SCALE, 0), **found[0].source))]
              for cell, found in measured(reports, SYSTEM).items()}
    path.parent.mkdir()
    page = path.with_suffix('.md')
    said = write(figure, SCALE, values, str(path.parent), 'a command')
    assert '](figure3.png)' in page.read_text() and 'figure3.pdf' in said[-1]
    assert path.with_suffix('.png').exists()
    said = write(figure, SCALE, {}, str(path.parent), 'a command')
    assert 'figure3.png' not in page.read_text() + said[-1]


def test_one_image_is_a_figure_too(reports, path, tmp_path):
    for attack in ATTACKS.values():
        folder = tmp_path / 'Standard' / attack
        shutil.copytree(reports / 'Standard' / attack, folder)
        for index in (2, 4):
            (folder / f'examples/clean/{index}.npz').unlink()
    assert draw(path, tmp_path)
    assert len([t for t in texts(path) if t.endswith(' %')]) == 2


def test_only_images_that_all_attacks_have_are_drawn(reports, path,
                                                     tmp_path):
    for attack in ATTACKS.values():
        shutil.copytree(reports / 'Standard' / attack,
                        tmp_path / 'Standard' / attack)
    kept = tmp_path / 'Standard' / 'RPPGD' / 'examples'
    (kept / 'clean' / '2.npz').write_bytes(b'cut off')
    draw(path, tmp_path)
    assert len([t for t in texts(path) if t.endswith(' %')]) == 4
    for file in kept.rglob('[04].npz'):
        file.rename(file.with_name(f'{int(file.stem) + 1}.npz'))
    with pytest.raises(ValueError, match='figure3, PSPNet/Standard/CamVid: '
                                         'the attacks must have kept the '
                                         'same images'):
        draw(path, tmp_path)


def test_systems_follow_each_other_below_their_names(reports, path):
    assert draw(path, reports, SYSTEM, HARDENED)
    shown = texts(path)
    assert shown.count('PSPNet/Standard/CamVid, seed 0') == 1
    assert shown.count('PSPNet/RP-PGD3-AT/CamVid, seed 0') == 1
    assert len([t for t in shown if t.endswith(' %')]) == 12


def test_a_system_that_lacks_a_measurement_is_left_out(reports, path):
    values = measured(reports, SYSTEM, HARDENED)
    values[cells(HARDENED)[1]] = []
    assert drawn(path, values, SYSTEM, HARDENED)
    assert 'PSPNet/RP-PGD3-AT/CamVid, seed 0' not in texts(path)
    del values[cells(SYSTEM)[0]]
    path.with_suffix('.png').unlink()
    assert not drawn(path, values, SYSTEM, HARDENED)
    assert not path.with_suffix('.png').exists()


def test_attacks_of_one_seed_are_compared(reports, path):
    values = measured(reports, SYSTEM, seeds=(1, 2))
    del values[cells(SYSTEM)[0]][0]
    assert drawn(path, values, SYSTEM)
    assert 'PSPNet/Standard/CamVid, seed 2' in texts(path)
    values[cells(SYSTEM)[1]] = values[cells(SYSTEM)[1]][:1]
    assert not drawn(path, values, SYSTEM)


def test_an_experiment_without_pictures_draws_nothing(path):
    assert not draw_attacked(Experiment('table1', 'Table 1', ()), SCALE, {},
                             str(path.parent))


def test_systems_under_different_attacks_are_refused(reports, path):
    pictures = cells(SYSTEM) + cells(HARDENED)[:1]
    with pytest.raises(ValueError, match='of the same attacks on every'):
        draw_attacked(Experiment('figure3', '', (), pictures=pictures),
                      SCALE, measured(reports, SYSTEM, HARDENED),
                      str(path.parent))


def evaluated(out, classes=CLASSES, attacks=('SegPGD', ), steps=(2, ),
              panels=1):
    network = ToyNetwork().eval()
    evaluate(TestedModel(network, classes, feature_layer='features'),
             toy_data(1, network=network), attacks=list(attacks),
             steps=list(steps), panels=panels, probes=0, quiet=True,
             out_dir=str(out))


def shown_from(folder, *systems):
    return {cell: [Measured(1., 0, dict(folder=str(folder)))]
            for cell in cells(*systems)}


@pytest.mark.parametrize('words, message', [
    (dict(panels=0), 'has none; repeat the test with panels > 0'),
    (dict(attacks=['PGD', 'SegPGD']), 'must have one row of SegPGD2, but has '
                                      '2'),
    (dict(attacks=['PGD'], steps=[3]), 'one row of SegPGD2, but has 0'),
])
def test_reports_of_another_kind_are_refused(tmp_path, path, words, message):
    evaluated(tmp_path / 'report', **words)
    with pytest.raises(ValueError, match=message):
        drawn(path, shown_from(tmp_path / 'report', SYSTEM), SYSTEM)


def test_the_row_is_chosen_by_its_steps(tmp_path, path):
    evaluated(path.parent / 'report', attacks=['SegPGD'], steps=[1, 2, 3])
    # Seen from where the figure is written.
    assert drawn(path, shown_from('report', SYSTEM), SYSTEM)
    counted = [json.loads(file.read_text()) for file in (
        path.parent / 'report/per_image').glob('SegPGD*steps-2*.jsonl')]
    right = float(accuracy(unpack_counts(counted[0], 4)))
    assert texts(path).count(f'{right:.1f} %') == 2


def test_a_report_that_is_not_there_is_named(tmp_path, path):
    with pytest.raises(FileNotFoundError, match='nowhere does not exist'):
        drawn(path, shown_from(tmp_path / 'nowhere', SYSTEM), SYSTEM)


def test_long_names_of_classes_are_written_out(tmp_path, path):
    names = [f'a rather long name of class_{i} $with$ signs' * 3
             for i in range(4)]
    evaluated(tmp_path / 'report', classes=names)
    assert drawn(path, shown_from(tmp_path / 'report', SYSTEM), SYSTEM)
    with Image.open(path.with_suffix('.png')) as picture:
        assert picture.width == 2100
        edge = np.asarray(picture.convert('L'))[:, -6:]
    assert (edge == 255).all()
    assert '$with$' in ' '.join(texts(path))


def test_systems_of_other_classes_are_refused(reports, tmp_path, path):
    evaluated(tmp_path / 'report', classes=list('efgh'))
    values = {**measured(reports, SYSTEM),
              **shown_from(tmp_path / 'report', HARDENED)}
    with pytest.raises(ValueError, match='PSPNet/RP-PGD3-AT/CamVid has other '
                                         'classes'):
        drawn(path, values, SYSTEM, HARDENED)
