"""What a program says that wants to be another user where a container has one id, and what to say to that."""

from __future__ import annotations

import re

HINT = (
    "this machine gives a container one id, so programs inside cannot become another user:"
    " USER in the Dockerfile or -u does it for a whole step"
)
# su, setpriv, sudo, runuser, chroot --userspec, start-stop-daemon, apt's own, and what C libraries call the calls
_WORDS = re.compile(
    r"cannot set groups|setgroups|initgroups|setres[ug]id|set[ug]id\b|sete[ug]id|set (?:user|group) id"
    r"|unable to set (?:[ug]id|supplementary)|cannot set user id|unable to change to root gid",
    re.IGNORECASE,
)
_TAIL = 2000


def hint(printed: str) -> str:
    """Why a program failed, if it was for that; else "".

    Args:
        printed: what it printed.
    """
    return HINT if _WORDS.search(printed[-_TAIL:]) else ""
