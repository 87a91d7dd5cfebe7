"""The report: tables, panels, curves, and one HTML file that has it all."""
import os
import os.path as osp
from dataclasses import dataclass
from typing import (Any, Dict, Iterable, Iterator, List, Optional, Sequence,
                    Set, Tuple)

import numpy as np
from PIL import Image

from ...metrics import SCALARS
from ...painting import full_palette
from ..files import replacing, write_json, write_text, writing
from ..results.balls import worst_balls
from ..results.results import CleanResult, RowResult, success_over_eps
from ..run.folder import PANEL
from ..run.images import Example, ExampleStore
from .curves import draw_curves
from .names import radius
from .page.headline import headline
from .page.page import report_page
from .panels import KINDS
from .pictures import draw_panel
from .tables import matrix_tables, minimal_tables, number_table, report_tables
from .writers import Table, code, escape, to_csv, to_markdown


@dataclass
class Report:
    """Everything that a report is made of.

    Args:
        results (dict): Content of results.json.
        clean (CleanResult): The clean images.
        attacks (list[RowResult]): The attacked images.
        examples (ExampleStore): Images to be shown.
        palette (sequence): Colour of each class. Defaults to none,
            colours that differ.
        minimal (dict, optional): Content of minimal_norm.json.
        matrix (dict, optional): Content of transfer.json.
        notes (Sequence[str]): Sentences about the test, such as how many
            images were attacked at a time. Defaults to none.
        available (int, optional): Images of the data set. Defaults to None,
            which is not known.
    """
    results: Dict[str, Any]
    clean: CleanResult
    attacks: Sequence[RowResult]
    examples: ExampleStore
    palette: Sequence[Sequence[int]] = ()
    minimal: Optional[Dict[str, Any]] = None
    matrix: Optional[Dict[str, Any]] = None
    notes: Sequence[str] = ()
    available: Optional[int] = None

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
        write_text(path('report.html'), report_page(self))
        if visualizer is not None:
            self._visualize(visualizer, path('panels'))

    def _markdown(self) -> str:
        """The answer, the tables, and what is needed to repeat them."""
        model, dataset = self.results['model'], self.results['dataset']
        environment = self.results['environment']
        answer = '\n\n'.join(
            escape(sentence.text) for sentence in headline(
                self.results, self.available).sentences)
        return f'{answer}\n\n' + _join(
            t for t in self.tables if not t.page_only) + (
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
        written: Set[str] = set()
        for index in self.examples.indices:
            for result, clean, attacked in self._pairs(index):
                name = _panel_name(result, index)
                draw_panel(osp.join(folder, name), clean, attacked,
                           self.palette, self.results['dataset']['classes'],
                           result.row.label)
                written.update(f'{name}.{kind}' for kind in KINDS)
        for name in os.listdir(folder) if osp.isdir(folder) else ():
            if PANEL.fullmatch(name) and name not in written:
                with writing(osp.join(folder, name)):
                    os.remove(osp.join(folder, name))

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


def _join(tables: Iterable[Table]) -> str:
    return '\n'.join(map(to_markdown, tables))
