"""Numbers as printed and sizes as drawn, in whole-number arithmetic: the same digits on every machine."""

from __future__ import annotations

MEBIBYTE = 1 << 20
GIBIBYTE = 1 << 30
_TENTHS_PER_CUBE = 17  # k = 1.7 px for 1 MiB, in tenths of a pixel
_THICKEST = 171  # 10.08 * k


def edge_tenths(size: int) -> int:
    """Height of a slab's front edge in tenths of a pixel: 1.7 px times the cube root of the size in MiB.

    0 for no bytes, else at least 10 and at most 171. A cube root has a plain meaning (8 times the bytes, twice as
    tall) and a true zero.
    """
    if size <= 0:
        return 0
    tenths = 10
    # The nearest whole tenth: grow while size >= ((tenths + 1/2) / 17)**3 MiB.
    while tenths < _THICKEST and size * (2 * _TENTHS_PER_CUBE) ** 3 >= (2 * tenths + 1) ** 3 * MEBIBYTE:
        tenths += 1
    return tenths


def counted(number: int, noun: str) -> str:
    """``1 file``, ``2,310 files``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
