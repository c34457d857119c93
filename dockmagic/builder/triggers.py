"""Stages that only ONBUILD instructions of base images need. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from dockmagic.builder import named
from dockmagic.builder.plan import Draft
from dockmagic.builder.platforms import BaseImage, base_image
from dockmagic.dockerfile.instructions import Instruction, parse_trigger
from dockmagic.dockerfile.stages import Stage
from dockmagic.errors import DockerfileError
from dockmagic.oci.config import ImageConfig


def with_triggers(read: Draft, images: Mapping[BaseImage, ImageConfig]) -> tuple[Stage, ...]:
    """The stages that the target needs once the triggers of its bases are known, these in front of their own instructions.

    Args:
        read: the Dockerfile.
        images: configs of the base images that are known so far.

    Raises:
        DockerfileError: a stage needs itself.
    """
    stages = tuple(_triggered(read, stage, images) for stage in read.stages.stages)
    extended = replace(read.stages, stages=stages)
    with extended.excerpts():
        return extended.order(stages[read.order[-1].index])


def _triggered(read: Draft, stage: Stage, images: Mapping[BaseImage, ImageConfig]) -> Stage:
    if all(stage.index != needed.index for needed in read.order):
        return stage
    if read.stages.named(stage.base, before=stage.index) is not None:
        return stage
    config = images.get(base_image(stage, read.request))
    if config is None or not config.config.on_build:
        return stage
    contexts = named.read(read.request.contexts)
    found: list[Instruction] = []
    for text in config.config.on_build:
        with suppress(DockerfileError):  # told where it is planned
            parsed = replace(parse_trigger(text), location=stage.location)
            found.append(named.instruction(parsed, contexts))
    return replace(stage, instructions=(*found, *stage.instructions))
