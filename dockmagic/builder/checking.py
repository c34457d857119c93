"""What the linter is told of a build: its arguments, its platform, its base images and ``.dockerignore``. Pure."""

from __future__ import annotations

from collections.abc import Callable

from dockmagic.builder import ignorefile
from dockmagic.builder.arguments import platform_arguments
from dockmagic.builder.ignorefile import Ignore
from dockmagic.builder.platforms import machine_of, target_of
from dockmagic.builder.request import BuildRequest
from dockmagic.dockerfile.lint import Base, Inputs
from dockmagic.errors import UsageError
from dockmagic.oci import reference, transport
from dockmagic.oci.config import ImageConfig

_ROOTS = frozenset({".", "/"})
_EVERYTHING = frozenset({"*", "**", "**/*"})


def inputs_for(
    request: BuildRequest, base: Callable[[str], Base | None], ignored: Callable[[str], bool] | None = None
) -> Inputs:
    """What the rules may ask, for one build.

    Args:
        request: what is to be built.
        base: what is known of an image.
        ignored: as :func:`ignored_by` gives it.
    """
    return Inputs(
        build_args=request.build_args,
        known=platform_arguments(machine_of(request), target_of(request), request.target or "default"),
        target=request.target or "",
        platform="/".join(str(target_of(request)).split("/")[:2]),
        base=base,
        is_name=_is_name,
        ignored=ignored,
    )


def base_of(config: ImageConfig) -> Base:
    """What the linter asks of a base image."""
    inside = config.config
    return Base(
        env=inside.env,
        shell=inside.shell or (),
        on_build=inside.on_build,
        platform="/".join(filter(None, (config.os, config.architecture, config.variant)))
        if config.os and config.architecture
        else "",
    )


def ignored_by(text: str) -> Callable[[str], bool] | None:
    """Which paths of a context a ``.dockerignore`` excludes; None where it brings some back.

    A directory that is excluded may hold a file that is not: which one COPY means then, only the files tell.

    Raises:
        UsageError: a line is malformed.
    """
    ignore = Ignore(ignorefile.read(text))
    patterns = ignore.patterns
    if not patterns or any(pattern.back for pattern in patterns):
        return None
    everything = any(pattern.text in _EVERYTHING for pattern in patterns)
    return lambda path: everything if path in _ROOTS else ignore.excludes(path)


def _is_name(text: str) -> bool:
    try:
        if transport.parse(text) is None:
            reference.parse_normalized(transport.without_registry(text))
    except UsageError:
        return False
    return True
