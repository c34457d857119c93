"""Which platform each stage of a build is for. Pure.

As BuildKit has it: a stage is for what ``FROM --platform`` says, else for what the build is asked for, else for this machine; one that stands on
another stage is for what that is for. An image that is named without a platform is taken as it is here, with the linter's word on it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from dockmagic.builder.request import BuildRequest
from dockmagic.dockerfile.lint.platforms import parse_platform
from dockmagic.dockerfile.location import fault
from dockmagic.dockerfile.quoting import quote
from dockmagic.dockerfile.stages import Stage
from dockmagic.errors import UsageError
from dockmagic.oci import platform
from dockmagic.oci.config import ImageConfig
from dockmagic.oci.platform import Platform

_PART = re.compile(r"[A-Za-z0-9_.-]+")
_MOST_SLASHES = 2


class BaseImage(NamedTuple):
    """An image that a stage starts from.

    Attributes:
        name: as written, variables replaced.
        platform: that it must be for; "" for whatever the name means.
    """

    name: str
    platform: str


def target_of(request: BuildRequest) -> Platform:
    """What the build is for.

    Raises:
        UsageError: it is no platform.
    """
    return platform.parse(request.platform) if request.platform else machine_of(request)


def machine_of(request: BuildRequest) -> Platform:
    """What it is made on."""
    return Platform(architecture=request.machine)


def wanted_by(stage: Stage, request: BuildRequest) -> Platform:
    """What a stage is asked to be for.

    Raises:
        DockerfileError: ``FROM --platform`` names none, or one whose images are not made here.
    """
    if stage.platform and (reason := _no_platform(stage.platform)):
        raise fault(f"failed to parse platform {stage.header.platform}: {reason}", stage.location)
    try:
        wanted = platform.parse(stage.platform) if stage.platform else target_of(request)
    except UsageError as error:
        raise fault(f"FROM --platform: {error.message}", stage.location) from None
    if not wanted.architecture:
        wanted = Platform(os=wanted.os, architecture=request.machine)
    if wanted.os == "windows":
        refused = fault(f"--platform={wanted}: images of Windows are not built here", stage.location)
        refused.hint = "their layers have another form than those of every other system"
        raise refused
    return wanted


def _no_platform(text: str) -> str:
    """Why a text is no platform, in the words of containerd's ``platforms.Parse``; "" where it is one."""
    wrong = next((part for part in text.split("/") if not _PART.fullmatch(part)), None)
    if wrong is not None:
        pattern = quote(f"^{_PART.pattern}$")
        return f"{quote(wrong)} is an invalid component of {quote(text)}: platform specifier component must match {pattern}"
    if text.count("/") > _MOST_SLASHES:
        return f"{quote(text)}: cannot parse platform specifier"
    known = parse_platform(text, "linux/amd64") is not None
    return "" if known else f"{quote(text)}: unknown operating system or architecture"


def platform_of(request: BuildRequest) -> str:
    """What an image must be for that COPY or a mount reads; "" for whatever its name means."""
    return str(target_of(request)) if request.platform else ""


def base_image(stage: Stage, request: BuildRequest) -> BaseImage:
    """The image that a stage names, where it names one."""
    explicit = stage.platform or request.platform
    return BaseImage(stage.base, str(wanted_by(stage, request)) if explicit else "")


def of_image(config: ImageConfig, wanted: Platform) -> Platform:
    """What an image is for; one that does not say is for what was wanted."""
    if not config.architecture:
        return wanted
    return platform.of_config(config.os, config.architecture, config.variant)
