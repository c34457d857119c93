"""What a build, a pull or a push tells while it works: frozen values, in order.

For every row of a plan: ``StepStarted`` then any ``StepOutput``, then one ``StepFinished``. A build that succeeds ends
with ``BuildFinished``. A failure is an exception, not an event.

For every image that is pulled: one ``PullStarted``; then for each layer any ``LayerProgress``, and one ``LayerPulled`` when
it is stored, layers among one another in any order. A push is the same with ``PushStarted`` and ``LayerPushed``.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PullStarted:
    """An image's manifest is here.

    Attributes:
        name: of the image, as docker shows it.
        digest: of the manifest.
        layers: digest and bytes of each layer's blob, base first.
    """

    name: str
    digest: str
    layers: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PushStarted:
    """An image's layers are about to be sent.

    Attributes:
        name: of the image, as docker shows it.
        layers: the DiffID of each layer, base first: what is sent of it is known when it is compressed.
    """

    name: str
    layers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerProgress:
    """``done`` of ``total`` bytes of a layer's blob were transferred; told every few hundred kilobytes."""

    digest: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPulled:
    """A layer is stored; ``present``: it was here already, nothing was transferred."""

    digest: str
    size: int
    present: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPushed:
    """A layer is in the registry.

    Attributes:
        digest: of its blob.
        size: bytes of its blob.
        present: it was there already, or came from another repository of the same registry; nothing was transferred.
    """

    digest: str
    size: int
    present: bool


Transfer = PullStarted | PushStarted | LayerProgress | LayerPulled | LayerPushed
Event = StepStarted | StepOutput | StepFinished | BuildFinished | Transfer
