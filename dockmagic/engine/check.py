"""``check``: the linter over a Dockerfile; nothing is built."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from dockmagic.builder.bases import known
from dockmagic.builder.builder import ignored_paths
from dockmagic.builder.checking import inputs_for
from dockmagic.builder.plan import draft
from dockmagic.dockerfile import lint
from dockmagic.dockerfile.lint import LintWarning, Report
from dockmagic.engine.build import Request, wanted
from dockmagic.errors import DockerfileError
from dockmagic.table import Table

if TYPE_CHECKING:
    from dockmagic.builder.request import BuildRequest
    from dockmagic.engine.session import Session


def check(session: Session, request: Request) -> Table[LintWarning]:
    """The warnings of a Dockerfile, of every stage unless a target is named.

    Nothing is fetched or made: of a base image that is not in the store no variable is known to be missing.

    Raises:
        DockerfileError: it cannot be built as far as its text shows, or has warnings and ``# check=error=true``;
            ``.result`` are the warnings.
    """
    asked = wanted(session, request)
    inputs = inputs_for(asked, partial(known, session.store), ignored_paths(asked))
    report = lint.check(request.text, replace(inputs, target=request.target))
    table = _table(report)
    error = report.error or _fault(asked)
    if error is not None:
        error.result = table  # type: ignore[attr-defined]
        raise error
    return table


def _fault(request: BuildRequest) -> DockerfileError | None:
    """What keeps a Dockerfile that can be read from being built, as far as no image is asked."""
    try:
        draft(request)
    except DockerfileError as error:
        return error
    return None


def _table(report: Report) -> Table[LintWarning]:
    count = len(report.warnings)
    return Table(
        columns=("LINE", "RULE", "DETAIL"),
        items=report.warnings,
        rows=tuple((str(each.line), each.rule, each.detail) for each in report.warnings),
        title=f"{count or 'no'} warning{'s' * (count != 1)}",
    )
