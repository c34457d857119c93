"""What a build was, as far as it came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dockmagic.builder.request import Network
from dockmagic.errors import DockmagicError
from dockmagic.oci.config import ImageConfig

Kind = Literal["from", "step", "setting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """An instruction and what became of it.

    Attributes:
        instruction: its first line as written.
        line: of the Dockerfile, from 1.
        kind: ``"from"``, ``"step"`` for what made a layer or was executed, or ``"setting"``.
        stage: the stage's title.
        diff_id: of the layer that it made, "" for none.
        cached: nothing was executed.
        reason: why it was not cached.
        seconds: wall-clock time.
        done: the build got past it.
        failed: the build ended here.
        key: of the step in the build cache, "" for none.
        network: that a RUN had, "" for what was not executed.
    """

    instruction: str
    line: int
    kind: Kind
    stage: str
    diff_id: str = ""
    cached: bool = False
    reason: str = ""
    seconds: float = 0.0
    done: bool = False
    failed: bool = False
    key: str = ""
    network: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """Where a build stopped whose RUN failed.

    Attributes:
        diff_ids: of the layers below the step, base first.
        config: the image as it is before the step.
        env: variables that the step saw and the image does not set: build arguments.
        network: of the step.
    """

    diff_ids: tuple[str, ...]
    config: ImageConfig
    env: Mapping[str, str]
    network: Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A finished or failed build.

    Attributes:
        image_id: ``"sha256:…"``, "" when it failed.
        records: every instruction of the stages that the target needs, in order; () when the text could not be planned.
        warnings: what Docker accepts and should not be there; the same on every machine.
        notes: what was honoured more weakly than asked.
        error: why it failed, None when it did not.
        stopped: where, when it was a RUN that failed.
        below: of each layer that its stages have, the layers below it, base first.
        keys: of the steps that the image is made of, in the build cache; those of other stages stand in ``records`` alone.
    """

    image_id: str
    records: tuple[StepRecord, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: DockmagicError | None = None
    stopped: Stopped | None = None
    below: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    keys: tuple[str, ...] = ()
