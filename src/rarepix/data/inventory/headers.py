"""What the bytes of the usual files say without an image library: sizes, and the ids of plain palette masks.

Every function answers only where there is no doubt and gives None otherwise: then Pillow is asked, and what it says
counts. A dataset of small images spends more time in opening files than in decoding them, which is why this exists.
"""

import struct
import zlib

from PIL import Image

JPEG, PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""JPEG markers of baseline, extended and progressive frames."""
PLAIN = ((8, 0, 0, 0, 0), (8, 3, 0, 0, 0))
"""Bit depth, colour type, compression, filter method, interlace: 8-bit grey and 8-bit palette, row by row."""
ANIMATED = (b"acTL", b"fcTL", b"fdAT")


def quick_size(beginning: bytes) -> tuple[int, int] | None:
    """Return width and height of a JPEG or PNG file that begins with these bytes."""
    size = None
    if beginning.startswith(PNG):
        header = _png_header(beginning)
        size = header[:2] if header else None
    elif beginning.startswith(JPEG):
        size = _jpeg_size(beginning)
    return size if size and 0 < size[0] * size[1] <= (Image.MAX_IMAGE_PIXELS or 0) else None


def plain_rows(data: bytes) -> tuple[bytes, int, int] | None:
    """Return the rows of an 8-bit palette or grey PNG file that is stored unfiltered, and its width and height.

    Each row is a byte 0 and then the ids: (width + 1) · height bytes. Pillow and libpng store palette files like that.
    """
    header = _png_header(data)
    if header is None or header[2:] not in PLAIN or quick_size(data) is None:
        return None
    packed = _packed(data)
    if packed is None:
        return None
    width, height = header[:2]
    expected, unpacking = (width + 1) * height, zlib.decompressobj()
    try:
        rows = unpacking.decompress(packed, expected + 1)  # no more, however much the file would unfold to
    except zlib.error:
        return None
    whole = unpacking.eof and len(rows) == expected and not any(rows[:: width + 1])
    return (rows, width, height) if whole else None


def _png_header(data: bytes) -> tuple[int, ...] | None:
    """Width, height, bit depth, colour type, compression, filter method, interlace."""
    if len(data) < 33 or data[:16] != PNG + b"\x00\x00\x00\rIHDR":
        return None
    (checksum,) = struct.unpack_from(">I", data, 29)
    return struct.unpack_from(">IIBBBBB", data, 16) if zlib.crc32(data[12:29]) == checksum else None


def _packed(data: bytes) -> bytes | None:
    """Return the compressed pixels of a PNG file whose chunks are all whole."""
    parts, place = [], len(PNG)
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 8 + length
        if end + 4 > len(data) or zlib.crc32(data[place + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            return None
        if kind == b"IEND":
            return b"".join(parts)
        if kind in ANIMATED:
            return None
        if kind == b"IDAT":
            parts.append(data[place + 8 : end])
        place = end + 4
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    place = len(JPEG)
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker in FRAMES:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        if not (0xE0 <= marker <= 0xEF or marker in (0xDB, 0xC4, 0xFE, 0xDD)):
            return None
        place += 2 + struct.unpack_from(">H", data, place + 2)[0]
    return None
