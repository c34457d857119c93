"""Short ways to lint a text."""

from __future__ import annotations

from dockmagic.dockerfile.lint import Base, Inputs, lint
from dockmagic.dockerfile.stages import parse_stages

KNOWN = {
    "BUILDPLATFORM": "linux/amd64",
    "TARGETPLATFORM": "linux/amd64",
    "TARGETARCH": "amd64",
}


def plain_base(_name):
    """Every image is there and sets nothing."""
    return Base()


def inputs(**given):
    return Inputs(**{"known": KNOWN, "base": plain_base, **given})


def linted(text, *, first_line=1, **given):
    return lint(parse_stages(text, first_line=first_line), inputs(**given))


def told(text, **given):
    """(rule, line) of every warning."""
    return [(warning.rule, warning.line) for warning in linted(text, **given)]


def details(text, **given):
    return [warning.detail for warning in linted(text, **given)]
