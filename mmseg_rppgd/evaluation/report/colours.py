"""Colours of the lines of charts."""

# Of lines, on white and on a dark page: 3 to 1 against it at least. The first
# four are told apart by the colour-blind; the others have markers as well.
LINES = (('#2f6fd0', '#6ea8ff'), ('#c9560a', '#ff9d4d'),
         ('#0b7f6b', '#2fc4a8'), ('#7d1f6e', '#e9a3e4'),
         ('#7a5cf0', '#a58bff'), ('#6b0f22', '#ff7d8c'),
         ('#1b93a8', '#8fe3f5'), ('#857100', '#d6d65c'))
