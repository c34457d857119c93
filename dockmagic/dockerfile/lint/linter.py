"""All rules over a Dockerfile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dockmagic.dockerfile.lint.inputs import Inputs
from dockmagic.dockerfile.lint.options import options_of
from dockmagic.dockerfile.lint.rule import Rule
from dockmagic.dockerfile.lint.ruleset import RULES
from dockmagic.dockerfile.lint.survey import survey
from dockmagic.dockerfile.location import excerpt, fault
from dockmagic.dockerfile.stages import Stages, parse_prefix, parse_stages
from dockmagic.errors import DockerfileError, Location

# BuildKit's word for how grave a finding of its linter is: all are warnings.
LEVEL = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LintWarning:
    """What a rule says of one place.

    Attributes:
        rule: its name.
        level: 1, a warning.
        description: what the rule says in general.
        detail: what it says here.
        url: Docker's page of the rule, "" where it has none.
        page: our page of it, below ``docs/``.
        location: the place; ``location.line`` is the instruction's first line.
        text: the line with carets below the place.
    """

    rule: str
    level: int = LEVEL
    description: str
    detail: str
    url: str
    page: str
    location: Location
    text: str = field(default="", repr=False)

    @property
    def line(self) -> int:
        """The line that it speaks of."""
        return self.location.line

    def __str__(self) -> str:
        return f"line {self.line}: {self.rule}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A text that was checked.

    Attributes:
        warnings: by their lines.
        error: why it cannot be built; None where it can as far as its text shows.
    """

    warnings: tuple[LintWarning, ...]
    error: DockerfileError | None = None


def lint(stages: Stages, inputs: Inputs) -> tuple[LintWarning, ...]:
    """What the rules say of a Dockerfile, by line, then in the order of :data:`RULES`.

    Raises:
        DockerfileError: the options of its ``# check=`` are malformed.
    """
    return tuple(_run(RULES, stages, inputs))


def refusal(stages: Stages, inputs: Inputs, warnings: Sequence[LintWarning]) -> DockerfileError | None:
    """The error that ``# check=error=true`` makes of warnings, at the first of them.

    Raises:
        DockerfileError: the options are malformed.
    """
    if not warnings or not options_of(stages, inputs.build_args).error:
        return None
    names = ", ".join(sorted({warning.rule for warning in warnings}))
    error = fault(f"lint violation found for rules: {names}", warnings[0].location)
    error.hint = "# check=error=true makes warnings errors"
    error.detail = warnings[0].text
    return error


def check(text: str, inputs: Inputs, *, first_line: int = 1) -> Report:
    """Lint a text that may be no Dockerfile: of one that is not, the instructions before the fault are judged.

    Args:
        text: the Dockerfile.
        inputs: the build that it is for.
        first_line: the number of its first line for the reader.
    """
    try:
        stages = parse_stages(text, first_line=first_line)
        warnings = lint(stages, inputs)
        return Report(warnings=warnings, error=refusal(stages, inputs, warnings))
    except DockerfileError as error:
        return Report(warnings=_before_fault(text, inputs, first_line), error=error)


def _before_fault(text: str, inputs: Inputs, first_line: int) -> tuple[LintWarning, ...]:
    stages = parse_prefix(text, first_line=first_line)
    if stages is None:
        return ()
    try:
        return tuple(_run([rule for rule in RULES if rule.early], stages, inputs))
    except DockerfileError:
        # Its options are what is at fault.
        return ()


def _run(rules: Sequence[Rule], stages: Stages, inputs: Inputs) -> Iterator[LintWarning]:
    options = options_of(stages, inputs.build_args)
    seen = survey(stages, inputs)
    found = [
        (rule, finding)
        for rule in rules
        for finding in rule.judge(seen)
        if options.with_comments(finding.comments).allow(rule)
    ]
    lines = stages.text.split("\n")
    for rule, finding in sorted(found, key=lambda pair: pair[1].location.line):
        yield LintWarning(
            rule=rule.name,
            description=rule.description,
            detail=finding.detail,
            url=rule.url,
            page=f"rules/{rule.page}.md",
            location=finding.location,
            text=excerpt(
                lines[finding.location.line - stages.first_line], finding.location, first_line=finding.location.line
            ),
        )
