"""When to ask again, and how long to wait before. Pure.

A request that failed on its way, 408, 425, 429, the 5xx that mean a moment's trouble, and refusals whose error codes say that it passes
are asked again with growing pauses; a ``Retry-After`` (RFC 9110, section 10.2.3) is heeded where it is short, and ends the attempts where
it is long.
"""

from __future__ import annotations

import email.utils
import math
from collections.abc import Collection
from dataclasses import dataclass

TOO_MANY = 429
# 499 is what nginx says of a client that has gone, 522 what Cloudflare says of a server that it did not reach.
RETRIED = frozenset({408, 425, TOO_MANY, 499, 500, 502, 503, 504, 522})
# Error codes of the distribution specification, and of what it was made from, that tell of a moment's trouble.
_PASSING = frozenset({"BLOB_UPLOAD_INVALID", "TOOMANYREQUESTS", "UNAVAILABLE", "UNKNOWN"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How patient a client is.

    Attributes:
        attempts: how often at most, the first included.
        first: seconds of the first pause; each further one is twice as long.
        longest: seconds that a pause may have; a server that asks for more is not asked again.
    """

    attempts: int = 5
    first: float = 0.5
    longest: float = 60.0


def is_retried(status: int, codes: Collection[str] = ()) -> bool:
    """Whether an answer of that status, with these error codes in its body, may be another one soon."""
    return status in RETRIED or (bool(codes) and _PASSING.issuperset(codes))


def retry_after(header: str, now: float) -> float | None:
    """Seconds that a ``Retry-After`` asks for; None where it is missing or says nothing.

    Args:
        header: a number of seconds, or a date.
        now: seconds since 1970.
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= 12 else math.inf  # noqa: PLR2004 - 30,000 years
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - now)


def pause(policy: Policy, attempt: int, *, asked: float | None = None, chance: float = 1.0) -> float | None:
    """Seconds to wait before the next attempt, None for no further one.

    Args:
        policy: how patient we are.
        attempt: how many were made, at least 1.
        asked: what a ``Retry-After`` asks for.
        chance: of 0 to 1, by which clients that failed together do not all come back together.
    """
    if attempt >= policy.attempts or (asked is not None and asked > policy.longest):
        return None
    grown = min(policy.longest, policy.first * 2.0 ** (attempt - 1))
    return max(grown * (0.5 + chance / 2), asked or 0.0)
