"""The numbers of the RP-PGD paper, as it prints them: mIoU in percent.

Paper: Zhang et al., RP-PGD: Boosting Segmentation Robustness with a
Region-and-Prototype Based Adversarial Attack, AAAI 2025. Tables 1 to 3 are
on Pascal VOC. The text has no numbers of its figures and appendices.
"""
import re
from typing import Dict

Numbers = Dict[str, Dict[str, float]]  # row -> column -> number


def read_table(text: str) -> Numbers:
    """Read a block of text: a line of columns, then a line for each row.

    Two spaces part what stands in a line, so that a name may have one.

    Raises:
        ValueError: If a row has not one number for each column, or a row or
            column comes twice.
    """
    lines = [re.split(r'\s\s+', line.strip())
             for line in text.strip().splitlines()]
    columns = lines[0]
    table = {name: dict(zip(columns, map(float, numbers)))
             for name, *numbers in lines[1:]}
    if (len(set(columns)) < len(columns) or len(table) < len(lines) - 1
            or any(len(line) != len(columns) + 1 for line in lines[1:])):
        raise ValueError('a table must have each row and column once and a '
                         f'number for each of them, but got {text!r}')
    return table


# Combinations of regions and the prototype term, 100 steps.
TABLE1 = read_table("""
                   PSPNet      PSPNet-AT   DeepLabv3   DeepLabv3-AT
    T              2.65        13.37       3.26        13.59
    T+B            0.65        10.06       0.54        10.47
    T+F            2.97        12.84       3.02        13.38
    T+B+F          0.61        9.83        0.51        10.35
    Proto          8.74        26.17       7.57        25.09
    T+B+F+Proto    0.48        7.69        0.34        8.30
""")

# Weights of the True, Boundary and False Region, without prototype term.
TABLE2 = read_table("""
                   PSPNet      PSPNet-AT   DeepLabv3   DeepLabv3-AT
    0.4, 0.3, 0.3  3.60        14.31       3.47        13.92
    0.4, 0.4, 0.2  1.64        12.38       1.49        12.09
    0.6, 0.2, 0.2  1.17        10.96       1.04        10.80
    0.2, 0.6, 0.2  6.84        20.27       6.71        19.54
    Eq. 4          0.61        9.83        0.51        10.35
""")

# Regions that make the prototypes, without region term.
TABLE3 = read_table("""
                   PSPNet      PSPNet-AT   DeepLabv3   DeepLabv3-AT
    T              8.74        26.17       7.57        25.09
    T+B            10.75       28.52       9.56        26.41
    T+F            18.40       31.71       16.68       29.62
    T+B+F          17.51       30.15       15.70       27.87
""")

# Training strategies of PSPNet against white-box attacks. CosPGD7-AT on VOC
# is printed with less under PGD40 than under PGD100.
TABLE4 = {
    'VOC': read_table("""
                 Clean  CW     DF     BIM    PGD10  PGD20  PGD40  PGD100
    Standard     76.64  4.72   14.2   15.32  5.21   4.09   3.64   3.37
    DDC-AT       76.44  55.37  57.16  50.58  22.94  19.17  16.40  13.62
    PGD3-AT      74.51  52.23  55.46  51.56  20.04  17.34  15.84  13.89
    SegPGD3-AT   75.38  56.52  59.47  50.17  26.60  20.69  17.19  14.49
    CosPGD3-AT   74.04  53.37  57.19  52.04  25.33  19.75  17.82  13.64
    RP-PGD3-AT   75.17  59.34  62.37  51.19  30.25  24.86  20.37  18.69
    PGD7-AT      74.99  42.30  45.05  47.21  21.79  19.39  17.99  16.97
    SegPGD7-AT   74.45  48.79  51.44  45.15  25.73  22.05  20.61  19.23
    CosPGD7-AT   75.12  47.43  49.86  47.81  26.10  24.97  18.52  19.74
    RP-PGD7-AT   74.93  55.65  60.32  48.10  29.15  25.58  23.91  23.14
    """),
    'Cityscapes': read_table("""
                 Clean  CW     DF     BIM    PGD10  PGD20  PGD40  PGD100
    Standard     73.98  5.94   12.68  12.36  0.96   0.61   0.42   0.27
    DDC-AT       73.31  34.59  36.82  33.04  31.17  19.29  12.60  5.32
    PGD3-AT      71.28  35.21  36.84  32.22  28.79  17.30  9.29   3.95
    SegPGD3-AT   71.01  36.30  38.27  35.34  33.52  25.23  19.22  13.04
    CosPGD3-AT   72.51  34.70  34.18  31.24  30.76  22.37  18.74  11.98
    RP-PGD3-AT   71.58  38.64  39.70  38.44  35.19  29.63  24.34  18.57
    PGD7-AT      69.85  27.78  28.44  27.87  26.00  24.75  23.86  22.80
    SegPGD7-AT   70.21  29.59  30.68  32.55  27.13  25.56  24.29  23.13
    CosPGD7-AT   69.18  29.32  30.87  32.16  26.69  26.20  23.77  20.63
    RP-PGD7-AT   70.08  31.47  33.82  35.94  30.74  28.80  27.49  26.04
    """),
}

# The same of DeepLabv3.
TABLE5 = {
    'VOC': read_table("""
                 Clean  CW     DF     BIM    PGD10  PGD20  PGD40  PGD100
    Standard     77.36  5.24   13.57  14.76  4.36   3.46   3.05   2.85
    DDC-AT       75.81  56.46  60.72  37.03  26.18  20.56  18.94  18.07
    PGD3-AT      75.03  57.10  60.23  36.83  28.16  20.77  18.12  16.91
    SegPGD3-AT   75.01  59.55  62.12  39.46  26.29  20.92  19.10  18.24
    CosPGD3-AT   74.60  58.01  62.32  37.19  28.26  21.04  18.57  18.02
    RP-PGD3-AT   75.20  61.21  64.40  39.81  31.22  25.45  23.73  22.84
    PGD7-AT      73.45  48.51  48.87  43.13  26.23  21.15  20.06  19.10
    SegPGD7-AT   74.46  51.42  51.47  42.91  30.95  26.68  24.32  23.09
    CosPGD7-AT   72.88  50.66  52.37  42.51  28.70  24.84  23.35  20.33
    RP-PGD7-AT   74.01  57.58  59.60  45.08  33.52  32.35  30.56  28.10
    """),
    'Cityscapes': read_table("""
                 Clean  CW     DF     BIM    PGD10  PGD20  PGD40  PGD100
    Standard     73.82  8.24   14.26  13.86  1.07   0.84   0.62   0.44
    DDC-AT       71.59  34.85  38.13  35.15  30.77  21.06  12.69  6.58
    PGD3-AT      71.45  36.72  38.98  36.78  29.52  20.23  12.22  6.74
    SegPGD3-AT   71.04  37.93  37.63  34.54  32.11  25.49  17.67  15.23
    CosPGD3-AT   70.74  36.83  39.07  34.29  31.81  24.73  16.60  13.90
    RP-PGD3-AT   71.25  38.67  38.39  37.30  36.26  30.97  24.43  22.70
    PGD7-AT      69.91  28.87  29.63  30.58  25.64  24.48  22.87  21.24
    SegPGD7-AT   69.93  29.73  31.30  32.35  30.43  28.78  26.73  25.31
    CosPGD7-AT   69.26  28.38  30.70  32.14  31.08  28.45  25.66  22.16
    RP-PGD7-AT   69.67  30.33  34.07  34.55  36.16  33.20  31.74  29.87
    """),
}

# Training strategies of DeepLabv3 against adversaries of the PGD3-AT PSPNet.
TABLE6 = {
    'VOC': read_table("""
                 SegPGD100  RP-PGD100
    DDC-AT       11.94      8.92
    PGD3-AT      12.38      8.73
    SegPGD3-AT   13.34      9.17
    CosPGD3-AT   12.81      9.35
    RP-PGD3-AT   17.79      15.10
    """),
    'Cityscapes': read_table("""
                 SegPGD100  RP-PGD100
    DDC-AT       13.32      11.35
    PGD3-AT      14.26      10.10
    SegPGD3-AT   20.11      12.55
    CosPGD3-AT   17.62      11.88
    RP-PGD3-AT   23.56      16.73
    """),
}
