"""The linter: warnings with rule, line, level, detail, description and page; and what fails a build by its text alone.

What these rows have of the world is stood in for: every base image is there and sets nothing but PATH, python's also
PYTHON_VERSION. A failure that only files of the context make (``build_error_regexp``) is the builder's.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dockmagic.builder.checking import ignored_by, inputs_for
from dockmagic.builder.plan import draft
from dockmagic.builder.request import BuildRequest
from dockmagic.dockerfile.lint import RULES, Base, Inputs, LintWarning, check
from dockmagic.errors import DockerfileError
from tests.conformance.verdict import Row, different

FIELDS = ("rule", "line", "level", "detail", "description", "url")
BUILD_ARGUMENT = "build-arg:"


def judge(row: Row) -> str | None:
    return _example(row) if "reported" in row["expected"] else _case(row["input"], row["expected"])


def _base(name: str) -> Base:
    return Base(env=("PYTHON_VERSION=3.13",) if name == "python" else ())


def _request(given: Row) -> BuildRequest:
    attributes = given.get("frontend_attrs", {})
    arguments = {
        name.removeprefix(BUILD_ARGUMENT): value
        for name, value in attributes.items()
        if name.startswith(BUILD_ARGUMENT)
    }
    return BuildRequest(
        text=given["dockerfile"],
        context=Path(),
        build_args=arguments,
        target=attributes.get("target"),
        epoch=0,
        machine="amd64",
    )


def _inputs(given: Row) -> Inputs:
    ignored = ignored_by(given["dockerignore"]) if given.get("dockerignore") else None
    return replace(inputs_for(_request(given), _base), ignored=ignored)


def _case(given: Row, expected: Row) -> str | None:
    inputs = _inputs(given)
    report = check(given["dockerfile"], inputs)
    reason = different("warnings", _wanted(expected["warnings"]), _got(report.warnings, FIELDS))
    everywhere = expected.get("warnings_check_all_targets")
    if reason is None and everywhere is not None:
        found = check(given["dockerfile"], replace(inputs, target=None)).warnings
        # The suite itself compares no lines here.
        wanted = [{name: each[name] for name in ("rule", "detail")} for each in everywhere]
        reason = different("of all stages", _wanted(wanted), _got(found, ("rule", "detail")))
    return reason or _failure(given, expected, report.error)


def _wanted(warnings: list[Row]) -> list[list[tuple[str, object]]]:
    return sorted(sorted(warning.items()) for warning in warnings)


def _got(warnings: tuple[LintWarning, ...], names: tuple[str, ...]) -> list[list[tuple[str, object]]]:
    return sorted(sorted((name, getattr(warning, name)) for name in names) for warning in warnings)


def _failure(given: Row, expected: Row, error: DockerfileError | None) -> str | None:
    wanted = expected.get("build_error")
    if error is None and wanted is not None:
        try:
            draft(_request(given))
        except DockerfileError as planning:
            error = planning
    if wanted is None or error is None:
        return None if wanted is None and error is None else f"failure: wanted {wanted!r}, got {error}"
    line = error.location.line if error.location else 0
    return different("line of the failure", expected["error_line"], line)


def _example(row: Row) -> str | None:
    """An example of the rules' documentation; fragments have no FROM, and experimental rules are not switched on."""
    expected, text = row["expected"], row["input"]["dockerfile"]
    experimental = next(rule.experimental for rule in RULES if rule.name == expected["rule"])
    if not any(line.upper().startswith("FROM") for line in text.splitlines()):
        text = f"FROM scratch\n{text}"
    if experimental:
        text = f"# check=experimental={expected['rule']}\n{text}"
    given = {**row["input"], "dockerfile": text}
    found = check(text, replace(_inputs(given), target=None)).warnings
    return different(expected["rule"], expected["reported"], any(each.rule == expected["rule"] for each in found))
