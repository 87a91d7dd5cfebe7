"""Numbers as people write them."""


def counted(number: int, one: str, many: str = '') -> str:
    """Return a number with its noun: 1 image, 2,000 images.

    Args:
        number (int): How many there are.
        one (str): The noun.
        many (str): Its plural. Defaults to '', with an s.
    """
    return f'{number:,} {one if number == 1 else many or one + "s"}'
