"""Which data file is judged by what.

A data file ``NAME.json`` has a judge module ``tests/conformance/NAME.py`` with a function ``judge(row)``, and a row
here with the least share of its rows that must pass. To add one, write the module and the row.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conformance.verdict import Judge

MINIMUM: dict[str, float] = {
    "buildah_conformance": 0.99,
    "cli_options": 1.0,
    "dockerfile_build": 0.93,
    "dockerfile_instructions": 1.0,
    "dockerfile_lint": 1.0,
    "dockerfile_parser_ast": 1.0,
    "dockerfile_parser_units": 1.0,
    "dockerignore": 1.0,
    "image_reference": 0.99,
    "oci_schema": 0.9,
    "registry_client": 1.0,
    "shell_words": 1.0,
    "tar_layers": 0.96,
}


def judge_of(name: str) -> Judge:
    """The judge of that data file; imported only when it is wanted."""
    judge: Judge = import_module(f"tests.conformance.{name}").judge
    return judge
