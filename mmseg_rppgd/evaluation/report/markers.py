"""Markers of lines, so that colour is not the only thing that tells them."""

# What matplotlib calls them, and paths around (0, 0) in units of the chart.
MARKERS = (
    ('o', ((-4, 0), 'a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z')),
    ('s', ((-3.6, -3.6), 'h7.2v7.2h-7.2z')),
    ('^', ((0, -4.8), 'l4.8 8.4h-9.6z')),
    ('D', ((0, -5), 'l5 5l-5 5l-5 -5z')),
    ('v', ((0, 4.8), 'l4.8 -8.4h-9.6z')),
    ('P', ((-1.6, -4.8), 'h3.2v3.2h3.2v3.2h-3.2v3.2h-3.2v-3.2h-3.2v-3.2'
           'h3.2z')),
    ('p', ((0, -5), 'l4.8 3.5l-1.8 5.6h-6l-1.8 -5.6z')),
)


def marker(place: int, x: float, y: float) -> str:
    """Path of the marker of a series, by its place among all, at a point."""
    (dx, dy), path = MARKERS[place % len(MARKERS)][1]
    return f'M{x + dx:.1f} {y + dy:.1f}{path}'
