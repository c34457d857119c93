"""What only a kernel's version tells; everything else is found by doing it. Standard library only, and no ``typing``."""

from __future__ import annotations


def is_before(release: str, version: tuple[int, int]) -> bool:
    """Whether a release of uname(2) is older than a version; one that is not in the usual form is not."""
    major, _, rest = release.partition(".")
    minor = rest.partition(".")[0]
    return major.isdigit() and minor.isdigit() and (int(major), int(minor)) < version
