"""OGG files that are the same each time.

libsndfile draws a stream's serial number from the clock, and every page of the file (RFC 3533,
section 6) bears it and a checksum. The sound is not touched.
"""

from __future__ import annotations

import zlib

_SERIAL = slice(14, 18)  # places in a page
_CHECKSUM = slice(22, 26)
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def with_serial(data: bytes, serial: int = 1) -> bytes:
    """The same stream with this serial number, 0..2^32 - 1, on all of its pages."""
    pages = bytearray(data)
    at = 0
    while pages[at : at + 4] == b"OggS":
        segments = pages[at + 26]
        size = 27 + segments + sum(pages[at + 27 : at + 27 + segments])
        page = pages[at : at + size]
        page[_SERIAL] = serial.to_bytes(4, "little")
        page[_CHECKSUM] = bytes(4)
        page[_CHECKSUM] = _checksum(page)
        pages[at : at + size] = page
        at += size
    return bytes(pages)


def _checksum(page: bytes | bytearray) -> bytes:
    """The remainder by 0x04c11db7, high bit first and from 0: zlib's, with all bits mirrored."""
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return mirrored.to_bytes(4, "big").translate(_REVERSED)
