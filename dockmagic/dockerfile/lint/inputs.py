"""What rules may ask of the world around a Dockerfile, as plain values and functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What is known of a base image.

    Attributes:
        env: its ``NAME=value`` entries.
        shell: its SHELL, () for none.
        on_build: its ONBUILD instructions.
        platform: ``"linux/amd64"``, "" where the image does not say.
    """

    env: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()
    on_build: tuple[str, ...] = ()
    platform: str = ""


def _unknown_base(_name: str) -> Base | None:
    return None


def _any_name(_name: str) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The build that a Dockerfile is linted for.

    Attributes:
        build_args: values of ARG from outside.
        known: the arguments that FROM may use undeclared, and their values: ``{"TARGETPLATFORM": "linux/amd64", …}``.
        target: the stage to build: only it and what it needs is linted as far as rules follow the build. ``""`` is the
            last stage, None every stage.
        platform: what the build is for, ``"linux/amd64"``.
        base: what is known of an image by its name in FROM. Of None nothing is known: rules that would have to guess
            say nothing then.
        is_name: whether a text can be the name of an image.
        ignored: whether ``.dockerignore`` excludes a path of the context; None where there is none to speak of.
    """

    build_args: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    platform: str = "linux/amd64"
    base: Callable[[str], Base | None] = _unknown_base
    is_name: Callable[[str], bool] = _any_name
    ignored: Callable[[str], bool] | None = None
