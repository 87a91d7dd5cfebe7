"""The report: tables, panels, curves, and one HTML file that has it all."""
import base64
import io
import os
import os.path as osp
from dataclasses import dataclass
from itertools import groupby
from typing import (Any, Dict, Iterable, Iterator, List, Optional, Sequence,
                    Tuple)

import numpy as np
from PIL import Image

from ...metrics import SCALARS, accuracy, number, unpack_counts
from ...painting import colour_classes, full_palette, magnify
from ..files import replacing, write_json, write_text, writing
from ..results.radii import radius_notes
from ..results.results import (CleanResult, ImageResults, RowResult,
                               success_over_eps, worst_balls)
from ..run.folder import PANEL
from ..run.images import Example, ExampleStore
from .curves import draw_curves
from .pictures import draw_panel
from .tables import (balls_with_intervals, matrix_tables, minimal_tables,
                     number_table, radius, report_tables, row_intervals)
from .writers import Table, brackets, cell, code, escape, to_csv, to_markdown

TEMPLATE = osp.join(osp.dirname(__file__), 'report.html')
MAX_WIDTH = 560  # of a picture in the HTML file, so that it stays small
MAX_EMBEDDED = 8 * 2**20  # bytes of the pictures of images in it


@dataclass
class Report:
    """Everything that a report is made of.

    Args:
        results (dict): Content of results.json.
        clean (CleanResult): The clean images.
        attacks (list[RowResult]): The attacked images.
        examples (ExampleStore): Images to be shown.
        palette (sequence, optional): Colour of each class. Defaults to None,
            colours that differ.
        minimal (dict, optional): Content of minimal_norm.json.
        matrix (dict, optional): Content of transfer.json.
        notes (Sequence[str]): Sentences about the test, such as how many
            images were attacked at a time. Defaults to none.
    """
    results: Dict[str, Any]
    clean: CleanResult
    attacks: Sequence[RowResult]
    examples: ExampleStore
    palette: Optional[Sequence[Sequence[int]]] = None
    minimal: Optional[Dict[str, Any]] = None
    matrix: Optional[Dict[str, Any]] = None
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.palette = full_palette(self.palette, self.clean.num_classes)

    @property
    def tables(self) -> List[Table]:
        """list[Table]: Every table, in the order of the report."""
        return report_tables(self.results, self.minimal, self.matrix,
                             self.notes)

    def write(self, folder: str, visualizer: Any = None) -> None:
        """Write every file of the report, and to a visualizer's backends.

        Args:
            folder (str): Where the files go.
            visualizer (Visualizer, optional): mmengine's. Defaults to None.
        """
        def path(name: str) -> str:
            return osp.join(folder, name)

        # The numbers first: nothing that a picture runs into can lose them.
        write_json(path('results.json'), self.results)
        intervals = getattr(self.results, 'intervals', None)
        if intervals is not None:
            write_json(path('intervals.json'), intervals)
        write_text(path('results.csv'), to_csv(number_table(self.results)))
        write_text(path('table.md'), self._markdown())
        for name, content, tables in (
                ('transfer', self.matrix, matrix_tables(self.matrix)),
                ('minimal_norm', self.minimal, minimal_tables(self.minimal))):
            if content:
                write_json(path(f'{name}.json'), content)
                write_text(path(f'{name}.md'), _join(tables))
        self._write_panels(path('panels'))
        with replacing(path('curves.png'), '.png') as temporary:
            draw_curves(temporary, self.results, self.minimal,
                        success_over_eps(self.attacks))
        write_text(path('report.html'), self._html(path('curves.png')))
        if visualizer is not None:
            self._visualize(visualizer, path('panels'))

    def _markdown(self) -> str:
        """The tables, and what is needed to repeat them."""
        model, dataset = self.results['model'], self.results['dataset']
        environment = self.results['environment']
        return _join(t for t in self.tables if not t.page_only) + (
            f'\nModel {code(model["config"])}, checkpoint '
            f'{code(model["checkpoint"])}; {dataset["num_images"]} images of '
            f'{escape(dataset["type"])}.\n'
            f'Seed {environment["seed"]}, commit {environment["commit"]}, '
            f'{environment["device"]}, torch {environment["torch"]}, mmseg '
            f'{environment["mmseg"]}; command '
            f'{code(environment["command"])}.\n')

    def _pairs(self, index: int
               ) -> Iterator[Tuple[RowResult, Example, Example]]:
        """Clean and attacked example of an image, for each row with one."""
        clean = self.examples.load('clean', index)
        for result in self.attacks:
            attacked = self.examples.load(result.row.key, index)
            if clean is not None and attacked is not None:
                yield result, clean, attacked

    def _write_panels(self, folder: str) -> None:
        """Write the panels, and remove those of an earlier report."""
        written = set()
        for index in self.examples.indices:
            for result, clean, attacked in self._pairs(index):
                name = _panel_name(result, index)
                draw_panel(osp.join(folder, name), clean, attacked,
                           self.palette, self.results['dataset']['classes'],
                           result.row.label)
                written.add(f'{name}.png')
        for name in os.listdir(folder) if osp.isdir(folder) else ():
            if PANEL.fullmatch(name) and name not in written:
                with writing(osp.join(folder, name)):
                    os.remove(osp.join(folder, name))

    def _html(self, curves: str) -> str:
        from jinja2 import Environment
        with open(TEMPLATE, encoding='utf-8') as file:
            template = Environment(autoescape=True).from_string(file.read())
        with open(curves, 'rb') as file:
            picture = data_uri(file.read(), 'png')
        images, beside = self._browser()
        return template.render(
            results=self.results, cell=cell, radius=radius,
            brackets=brackets, clean=row_intervals(self.results)[0],
            sections=[(name, list(tables)) for name, tables in groupby(
                self.tables, key=lambda table: table.section)],
            balls=balls_with_intervals(self.results), curves=picture,
            images=images, beside=beside,
            small=radius_notes(self.attacks),
            failed=[
                c for c in self.results['checks'] if not c['passed']],
            legend=list(zip(self.results['dataset']['classes'],
                            ['#%02x%02x%02x' % tuple(c)
                             for c in self.palette])))

    def _browser(self) -> Tuple[List[Dict[str, Any]], int]:
        """Pictures and numbers of the images that the browser shows.

        Returns:
            tuple: As many images as one file should hold, and the number of
            those whose pictures are in ``panels`` alone.
        """
        images: List[Dict[str, Any]] = []
        size = beside = 0
        for index in self.examples.indices:
            if size > MAX_EMBEDDED:
                beside += 1
                continue
            image = self._shown(index)
            if image is None:
                continue
            size += _size(image)
            if images and size > MAX_EMBEDDED:
                beside += 1
                continue
            images.append(image)
        return images, beside

    def _shown(self, index: int) -> Optional[Dict[str, Any]]:
        clean = self.examples.load('clean', index)
        if clean is None:
            return None
        return {
            'name': f'{index}: {_path(self.clean, index)}',
            'image': photo(clean.image),
            'prediction': self._classes(clean.prediction),
            'label': self._classes(clean.label),
            'aAcc': _accuracy(self.clean, index),
            'attacks': [{
                'name': result.row.label,
                'image': photo(attacked.image),
                'perturbation': photo(magnify(attacked.delta)[0]),
                'factor': round(magnify(attacked.delta)[1], 1),
                'prediction': self._classes(attacked.prediction),
                'aAcc': _accuracy(result, index),
            } for result, _, attacked in self._pairs(index)],
        }

    def _classes(self, classes: np.ndarray) -> str:
        return flat_picture(colour_classes(classes, self.palette))

    def _visualize(self, visualizer: Any, panels: str) -> None:
        """Show numbers and panels through mmengine's backends."""
        visualizer.add_scalars({
            f'clean/{k}': self.results['clean'][k] for k in SCALARS
            if self.results['clean'][k] is not None})
        for result, attack in zip(self.attacks, self.results['attacks']):
            name = result.row.label
            visualizer.add_scalars({f'{name}/{k}': attack[k] for k in SCALARS
                                    if attack[k] is not None})
            for point in attack.get('curve', ()):
                visualizer.add_scalars(
                    {f'{name}/after step/{k}': point[k]
                     for k in SCALARS if point[k] is not None},
                    step=point['step'])
        for ball in worst_balls(self.results):
            name = f'worst case {ball["norm"]} {radius(ball)}'
            visualizer.add_scalars({f'{name}/aAcc': ball['aAcc'],
                                    f'{name}/mIoU': ball['mIoU_greedy']})
        visualizer.add_scalars({
            f'checks/{c["name"]}': float(c['passed'])
            for c in self.results['checks']})
        for index in self.examples.indices:
            for result, _, _ in self._pairs(index):
                path = osp.join(panels, f'{_panel_name(result, index)}.png')
                with Image.open(path) as panel:
                    visualizer.add_image(
                        f'{result.row.key}',
                        np.asarray(panel.convert('RGB')), step=index)


def _panel_name(result: RowResult, index: int) -> str:
    return f'{index:05d}-{result.row.key}'


def _size(image: Dict[str, Any]) -> int:
    """Bytes of the pictures of an image."""
    shown = [image, *image['attacks']]
    return sum(len(value) for part in shown for value in part.values()
               if isinstance(value, str))


def _join(tables: Iterable[Table]) -> str:
    return '\n'.join(map(to_markdown, tables))


def _record(result: ImageResults, index: int) -> Dict[str, Any]:
    return next(r for r in result.records if r['index'] == index)


def _path(result: ImageResults, index: int) -> str:
    return osp.basename(_record(result, index)['image'])


def _accuracy(result: ImageResults, index: int) -> Optional[float]:
    counts = unpack_counts(_record(result, index), result.num_classes)
    return number(accuracy(counts))


def data_uri(content: bytes, kind: str) -> str:
    """A picture as an address that needs no file."""
    return f'data:image/{kind};base64,{base64.b64encode(content).decode()}'


def _encode(picture: Image.Image, kind: str, **options: Any) -> str:
    if picture.width > MAX_WIDTH:
        size = (MAX_WIDTH, round(picture.height * MAX_WIDTH / picture.width))
        picture = picture.resize(size, Image.BILINEAR if kind == 'jpeg' else
                                 Image.NEAREST)
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return data_uri(content.getvalue(), kind)


def photo(picture: np.ndarray) -> str:
    """Encode a photograph; a small one without loss."""
    if picture.shape[1] <= 128:
        return _encode(Image.fromarray(picture), 'png')
    return _encode(Image.fromarray(picture), 'jpeg', quality=88)


def flat_picture(picture: np.ndarray) -> str:
    """Encode a picture of few colours without loss."""
    return _encode(Image.fromarray(picture), 'png', optimize=True)
