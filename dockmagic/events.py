"""What a build tells while it works: frozen values, in order.

For every row of a plan: ``StepStarted`` then any ``StepOutput``, then one ``StepFinished``. A build that succeeds ends
with ``BuildFinished``. A failure is an exception, not an event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """An instruction begins: ``index`` counts from 0 within ``total`` executed rows."""

    index: int
    total: int
    stage: str
    instruction: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutput:
    """A chunk of what the step printed, as it came."""

    index: int
    stream: Literal["stdout", "stderr"]
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """An instruction is done.

    Attributes:
        diff_id: of the layer that it made or found in the cache; "" for a setting (ENV, CMD, …) or a no-op.
        cached: the layer came from the build cache.
        reason: why it was not cached, e.g. ``"instruction text changed"``; "" when cached or a setting.
        seconds: wall-clock time.
    """

    index: int
    diff_id: str
    cached: bool
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFinished:
    """The image is in the store under ``image_id`` and bears ``tags``."""

    image_id: str
    tags: tuple[str, ...]


Event = StepStarted | StepOutput | StepFinished | BuildFinished
