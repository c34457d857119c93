"""Small ELF files for tests."""

from __future__ import annotations

import struct

KIND = (2, 1, 62)


def elf(*, needed=(), rpath="", runpath="", interpreter="", kind=KIND):
    """A program or library that has only what its loader reads."""
    order = "<" if kind[1] == 1 else ">"
    wide = kind[0] == 2
    strings, at = b"\0", {}
    for text in (*needed, rpath, runpath):
        at[text] = len(strings)
        strings += text.encode() + b"\0"
    tags = [(1, at[name]) for name in needed]
    tags += [(15, at[rpath])] if rpath else []
    tags += [(29, at[runpath])] if runpath else []
    header, segment = (64, 56) if wide else (52, 32)
    dynamic_at = header + 3 * segment
    entry = order + ("qQ" if wide else "iI")
    size = struct.calcsize(entry) * (len(tags) + 3)
    strings_at = dynamic_at + size
    base = 0x1000
    tags += [(5, base + strings_at), (10, len(strings)), (0, 0)]
    dynamic = b"".join(struct.pack(entry, *tag) for tag in tags)
    program = interpreter.encode() + b"\0"
    whole = strings_at + len(strings) + len(program)
    segments = [(1, 0, whole), (2, dynamic_at, size)]
    segments += [(3, strings_at + len(strings), len(program))] if interpreter else []
    ident = b"\x7fELF" + bytes([kind[0], kind[1], 1]) + bytes(9)
    fields = (3, kind[2], 1, 0, header, 0, 0, header, segment, len(segments), 0, 0, 0)
    out = ident + struct.pack(order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"), *fields)
    for number, offset, length in segments:
        if wide:
            out += struct.pack(order + "IIQQQQQQ", number, 4, offset, base + offset, 0, length, length, 8)
        else:
            out += struct.pack(order + "IIIIIIII", number, offset, base + offset, 0, length, length, 4, 4)
    return out.ljust(dynamic_at, b"\0") + dynamic + strings + program
