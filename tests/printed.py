"""What is printed on the pages of a PDF."""
import re
import zlib


def pdf_texts(path):
    """Texts of a PDF that matplotlib wrote, one for each time it wrote."""
    found = b''
    for stream in re.findall(rb'stream\r?\n(.*?)\r?\nendstream',
                             path.read_bytes(), re.S):
        try:
            found += zlib.decompress(stream)
        except zlib.error:
            continue
    strings = rb'\(((?:[^()\\]|\\.)*)\)'
    return [re.sub(r'\\(.)', r'\1', b''.join(
        re.findall(strings, part, re.S)).replace(b'\0', b'').decode('latin-1'))
            for part in re.findall(rb'\bBT\b(.*?)\bET\b', found, re.S)]
