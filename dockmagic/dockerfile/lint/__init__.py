"""The linter: BuildKit's published build checks, as pure functions over a finished tree.

docs.docker.com/reference/build-checks. Names, levels, lines, descriptions and details are BuildKit's, for tools compare
them; the pages are ours (``docs/rules``).
"""

from __future__ import annotations

from dockmagic.dockerfile.lint.inputs import Base, Inputs
from dockmagic.dockerfile.lint.linter import LintWarning, Report, check, lint, refusal
from dockmagic.dockerfile.lint.options import Options, options_of, parse_options
from dockmagic.dockerfile.lint.rule import Rule
from dockmagic.dockerfile.lint.ruleset import RULES

__all__ = [
    "RULES",
    "Base",
    "Inputs",
    "LintWarning",
    "Options",
    "Report",
    "Rule",
    "check",
    "lint",
    "options_of",
    "parse_options",
    "refusal",
]
