"""Typed instructions: one frozen class each, how a node is read as one, and how variables are replaced in it."""

from __future__ import annotations

from dockmagic.dockerfile.instructions.devices import Device
from dockmagic.dockerfile.instructions.expansion import expand
from dockmagic.dockerfile.instructions.kinds import (
    Add,
    Arg,
    Cmd,
    Copy,
    Definition,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Inline,
    Instruction,
    Label,
    Maintainer,
    OnBuild,
    Pair,
    Run,
    Shell,
    StopSignal,
    User,
    Volume,
    Workdir,
)
from dockmagic.dockerfile.instructions.mounts import Mount
from dockmagic.dockerfile.instructions.ports import exposed_ports
from dockmagic.dockerfile.instructions.quantities import format_duration
from dockmagic.dockerfile.instructions.reading import parse_instruction, parse_trigger

__all__ = [
    "Add",
    "Arg",
    "Cmd",
    "Copy",
    "Definition",
    "Device",
    "Entrypoint",
    "Env",
    "Expose",
    "From",
    "Healthcheck",
    "Inline",
    "Instruction",
    "Label",
    "Maintainer",
    "Mount",
    "OnBuild",
    "Pair",
    "Run",
    "Shell",
    "StopSignal",
    "User",
    "Volume",
    "Workdir",
    "expand",
    "exposed_ports",
    "format_duration",
    "parse_instruction",
    "parse_trigger",
]
