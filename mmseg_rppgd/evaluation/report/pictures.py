"""What a picture of the report shows of an attacked image."""
from typing import List, Sequence

from ...painting import magnify
from ..run.images import Example
from .panels import ClassMap, Photo, Picture, draw_panels, percent_right

COLUMNS = ('image', 'adversary', 'perturbation x{}', 'clean prediction',
           'attacked prediction', 'ground truth')
CAPTION = ('Percent: labelled pixels that are right. The perturbation is '
           'magnified around grey.')


def draw_panel(path: str, clean: Example, attacked: Example,
               palette: Sequence[Sequence[int]], classes: Sequence[str],
               name: str = '') -> None:
    """Draw the panel of one image and attack, as a bitmap and as vectors.

    Args:
        path (str): The files, without their endings.
        clean (Example): The clean image, with its labels.
        attacked (Example): The attacked image.
        palette (sequence): Colour of each class.
        classes (sequence[str]): Name of each class.
        name (str): What the attack is called. Defaults to none.
    """
    assert attacked.delta is not None  # the clean image alone has none
    assert clean.label is not None  # attacked images alone have none
    noise, factor = magnify(attacked.delta)
    row: List[Picture] = [
        Photo(clean.image), Photo(attacked.image), Photo(noise),
        predicted(clean, clean), predicted(attacked, clean),
        ClassMap(clean.label, clean.ignored)]
    draw_panels([row], [text.format(f'{factor:.3g}') for text in COLUMNS],
                palette, classes, path, names=[name] if name else (),
                caption=CAPTION)


def predicted(shown: Example, clean: Example) -> ClassMap:
    """A prediction, and what share of it is right."""
    assert clean.label is not None  # attacked images alone have none
    return ClassMap(shown.prediction, clean.ignored, percent_right(
        shown.prediction, clean.label, clean.ignored))
