"""The report: tables, panels, curves, and one HTML file that has it all."""
import base64
import io
import os.path as osp
import shutil
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
from PIL import Image

from .curves import draw_curves
from ..run.images import ExampleStore
from ...metrics import SCALARS, accuracy, number, unpack_counts
from ..results.searches import minimal_lines
from .pictures import (colour_classes, default_palette, draw_panel, magnify,
                       save_panel)
from ..results.results import (HEADER, RowResult, cell, flat_rows, published_lines,
                      rounded_lines, success_over_eps, table_cells,
                      worst_balls, worst_rows, write_results)
from ..plan.rows import format_eps
from ..files import write_json, write_text

TEMPLATE = osp.join(osp.dirname(__file__), 'report.html')
MAX_WIDTH = 560  # of a picture in the HTML file, so that it stays small


@dataclass
class Report:
    """Everything that a report is made of.

    Args:
        results (dict): Content of results.json.
        clean (RowResult): The clean images.
        attacks (list[RowResult]): The attacked images.
        examples (ExampleStore): Images to be shown.
        palette (sequence, optional): Colour of each class. Defaults to None,
            colours that differ.
        minimal (dict, optional): Content of minimal_norm.json.
        matrix (dict, optional): Content of transfer.json.
        published (sequence): Published numbers. Defaults to none.
    """
    results: Dict[str, Any]
    clean: RowResult
    attacks: Sequence[RowResult]
    examples: ExampleStore
    palette: Optional[Sequence[Sequence[int]]] = None
    minimal: Optional[Dict[str, Any]] = None
    matrix: Optional[Dict[str, Any]] = None
    published: Sequence[Dict[str, Any]] = ()

    def __post_init__(self) -> None:
        if not self.palette:
            self.palette = default_palette(self.clean.num_classes)

    @property
    def notes(self) -> List[str]:
        """list[str]: What the table does not say, in sentences."""
        return (published_lines(self.results, self.published) +
                rounded_lines(self.results) + minimal_lines(self.minimal))

    def write(self, folder: str, visualizer: Any = None) -> None:
        """Write the report into a folder, and to a visualizer's backends."""
        write_results(folder, self.results, self.notes)
        self._write_panels(osp.join(folder, 'panels'))
        curves = osp.join(folder, 'curves.png')
        success = success_over_eps(self.attacks)
        write_json(osp.join(folder, 'success.json'), success)
        draw_curves(curves, self.results, self.minimal, success)
        write_text(osp.join(folder, 'report.html'), self._html(curves))
        if visualizer is not None:
            self._visualize(visualizer)

    def _pairs(self, index: int):
        """Clean and attacked example of an image, for each row with one."""
        clean = self.examples.load('clean', index)
        for result in self.attacks:
            attacked = self.examples.load(result.row.key, index)
            if clean is not None and attacked is not None:
                yield result, clean, attacked

    def _write_panels(self, folder: str) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        for index in self.examples.indices:
            for result, clean, attacked in self._pairs(index):
                save_panel(folder, f'{index:05d}-{result.row.key}', draw_panel(
                    clean, attacked, self.palette, result.row.label))

    def _html(self, curves: str) -> str:
        from jinja2 import Environment
        with open(TEMPLATE, encoding='utf-8') as file:
            template = Environment(autoescape=True).from_string(file.read())
        with open(curves, 'rb') as file:
            picture = data_uri(file.read(), 'png')
        rows = [dict(row, cells=table_cells(row))
                for row in flat_rows(self.results)]
        return template.render(
            results=self.results, rows=rows, worst=worst_rows(self.results),
            balls=worst_balls(self.results), header=HEADER, scalars=SCALARS,
            format_eps=format_eps,
            cell=cell, curves=picture, images=self._browser(),
            minimal=self.minimal, failed=[
                c for c in self.results['checks'] if not c['passed']],
            matrix=self.matrix, notes=self.notes,
            legend=list(zip(self.results['dataset']['classes'],
                            ['#%02x%02x%02x' % tuple(c)
                             for c in self.palette])))

    def _browser(self) -> List[Dict[str, Any]]:
        """Pictures and numbers of the images that the browser shows."""
        images = []
        for index in self.examples.indices:
            clean = self.examples.load('clean', index)
            if clean is None:
                continue
            images.append({
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
            })
        return images

    def _classes(self, classes: np.ndarray) -> str:
        return flat_picture(colour_classes(classes, self.palette))

    def _visualize(self, visualizer: Any) -> None:
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
                     for k in ('mIoU', 'MisRatio') if point[k] is not None},
                    step=point['step'])
        for ball in worst_balls(self.results):
            name = f'worst case {ball["norm"]} ' + format_eps(
                ball['eps'], ball['rms'])
            visualizer.add_scalars({f'{name}/aAcc': ball['aAcc'],
                                    f'{name}/mIoU': ball['mIoU_greedy']})
        visualizer.add_scalars({
            f'checks/{c["name"]}': float(c['passed'])
            for c in self.results['checks']})
        for index in self.examples.indices:
            for result, clean, attacked in self._pairs(index):
                panel = draw_panel(clean, attacked, self.palette)
                visualizer.add_image(f'{result.row.key}', np.asarray(panel),
                                     step=index)


def _record(result: RowResult, index: int) -> Dict[str, Any]:
    return next(r for r in result.records if r['index'] == index)


def _path(result: RowResult, index: int) -> str:
    return osp.basename(_record(result, index)['image'])


def _accuracy(result: RowResult, index: int) -> Optional[float]:
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
