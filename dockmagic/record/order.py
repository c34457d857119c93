"""The order of changed paths: what a reader came for first."""

from __future__ import annotations

_LATE = ("/usr", "/var", "/root/.cache")


def reading_order(path: str) -> tuple[int, bytes]:
    """Sort key: user paths, then ``/etc``, then ``/usr``, ``/var`` and ``/root/.cache``; in each group bytewise."""
    late = any(_within(path, top) for top in _LATE)
    return (1 if _within(path, "/etc") else 2 * late), _as_bytes(path)


def _within(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}/")


def _as_bytes(path: str) -> bytes:
    try:
        return path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte: no file has it, a JSON text may
        return path.encode("utf-8", "surrogatepass")
