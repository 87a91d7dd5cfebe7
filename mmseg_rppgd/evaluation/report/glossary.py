"""What every number and column of a report means, a sentence each."""
from typing import Dict, Optional, Sequence

from .writers import Table

# docs/protocol.md has the sentences of METRICS and WORST as its list.
METRICS: Dict[str, str] = {
    'mIoU':
    'Mean over classes of intersection over union, counted over all pixels '
    'of the data set, as mmseg\'s IoUMetric does.',
    'aAcc': 'Share of the labelled pixels of the data set that are right.',
    'mAcc': 'Mean over classes of the share of its pixels that are right.',
    'MisRatio': 'Share of the labelled pixels that are wrong: 100 - aAcc.',
    'NmIoU':
    'Mean over images of the mean IoU over the classes in that image\'s '
    'prediction or labels; small objects weigh more.',
    'CmIoU':
    'Mean over classes of the mean IoU over the images that have the class.',
    'IoU':
    'Of the pixels that are of a class, or are said to be, the share for '
    'which both hold.',
}
WORST: Dict[str, str] = {
    'worst case':
    'Of each image the attack that leaves least, the clean image included.',
    'mIoU_greedy':
    'The mIoU of the worst case: of each image one attack, chosen greedily '
    'so that the mIoU of the data set falls; an upper bound of the true '
    'worst case.',
    'max_norm':
    'The largest perturbation seen, in the norm of the attack; it must not '
    'exceed eps.',
    '[a, b]':
    'Where the middle 95 % of the values lie that other images of the same '
    'kind would give, by a bootstrap over the images.',
}
COLUMNS: Dict[str, str] = {
    'attack': 'What changed the images; "clean" is nothing.',
    'name': 'What changed the images; "clean" is nothing.',
    'norm':
    'What bounds a perturbation: linf every pixel value by itself, l2 the '
    'length of the whole.',
    'eps':
    'How far the attack may go, where pixels run from 0 to 1; "rms" is the '
    'root mean square over the pixel values of an image.',
    'rms':
    'The largest root mean square over the pixel values that a perturbation '
    'in the ball can have.',
    'steps': 'How often the attack changes the image.',
    'surface':
    'What was attacked: the whole image, all windows of slide inference '
    'jointly, or every crop by itself.',
    'surrogate':
    'The model whose gradients the attack follows, where it is not the one '
    'that is tested.',
    'seconds': 'Time that the attack took for all images together.',
    'nan_count': 'Pixel values of adversarial images that are no numbers.',
    'min': 'The smallest pixel value of the adversarial images.',
    'max': 'The largest pixel value of the adversarial images.',
    'member': 'An attack that takes part in the worst case.',
    'images with the lowest accuracy':
    'On how many images this attack leaves the lowest accuracy; ties go to '
    'the earlier.',
    'images chosen for mIoU':
    'For how many images this attack stands in the worst mIoU.',
    'median of the smallest perturbation':
    'The radius with which half of the images are made wrong nearly '
    'everywhere; a larger one is a more robust model.',
    'x 255': 'The number before it in levels of an 8-bit picture.',
    'found': 'On how many images the search succeeded.',
    'images': 'How many images have a labelled pixel.',
    'attacked \\ tested':
    'Down the model that the images were made on, across the model that '
    'they were shown to.',
    'class': 'A class of the data set; that which loses most is the first.',
    'clean': 'IoU of the class on clean images.',
    'lowest under attack':
    'The lowest IoU of the class under any attack; in full colour what is '
    'left of the clean IoU, faint what is lost.',
    'result': 'Whether the check passed; do not believe numbers above a '
    'failed one.',
    'finding': 'What the check found, and after a failure what to do next.',
}
TERMS: Dict[str, str] = {**METRICS, **WORST, **COLUMNS}


def meaning(heading: str) -> Optional[str]:
    """What a column means; None for one that is called after a class or a
    model."""
    return TERMS.get('lowest under attack' if heading.startswith('lowest at ')
                     else heading)


def terms_of(tables: Sequence[Table]) -> Dict[str, str]:
    """The terms that a reader of tables meets, in their order."""
    headings = [name for table in tables for name in table.header]
    return {name: words for name in headings
            for words in [meaning(name)] if words is not None}
