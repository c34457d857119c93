"""``# check=skip=A,B;experimental=C;error=true``: which rules run, and whether a warning is an error.

docs.docker.com/build/checks. The build argument ``BUILDKIT_DOCKERFILE_CHECK`` stands in place of the directive. A comment
of that form just above an instruction adds to it for this instruction alone; what follows a space in it is a remark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dockmagic.dockerfile.lexer.directives import find_directive, leading_directives
from dockmagic.dockerfile.location import fault
from dockmagic.dockerfile.quoting import quote
from dockmagic.errors import DockerfileError

if TYPE_CHECKING:
    from dockmagic.dockerfile.lint.rule import Rule
    from dockmagic.dockerfile.stages import Stages

BUILD_ARGUMENT = "BUILDKIT_DOCKERFILE_CHECK"
_ALL = "all"
_MOST_PARTS = 3
# The words that Go's strconv.ParseBool takes.
_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Which rules run.

    Attributes:
        skip: names of rules that do not; ``"all"`` stands for every one that is not experimental.
        experimental: names of experimental rules that do; ``"all"`` for every one. They go before ``skip``.
        error: a warning fails the build.
    """

    skip: frozenset[str] = frozenset()
    experimental: frozenset[str] = frozenset()
    error: bool = False

    def allow(self, rule: Rule) -> bool:
        """Whether ``rule`` runs."""
        if rule.experimental:
            return bool(self.experimental & {_ALL, rule.name})
        return not self.skip & {_ALL, rule.name}

    def with_comments(self, comments: Iterable[str]) -> Options:
        """These and what the first ``check=`` among the comments above an instruction adds; ``error`` is not its to say."""
        for comment in comments:
            found = next(leading_directives((f"# {comment}",)), None)
            if found is None or found.name != "check":
                continue
            try:
                added = parse_options(found.word)
            except DockerfileError:
                # A remark that looks like options must not break a build.
                return self
            return replace(self, skip=self.skip | added.skip, experimental=self.experimental | added.experimental)
        return self


def options_of(stages: Stages, build_args: Mapping[str, str]) -> Options:
    """The options of a Dockerfile, those of the build argument first.

    Raises:
        DockerfileError: they are malformed; with the directive's location.
    """
    given = build_args.get(BUILD_ARGUMENT)
    if given is not None:
        return parse_options(given)
    directive = find_directive("check", stages.text)
    if directive is None:
        return Options()
    try:
        return parse_options(directive.word)
    except DockerfileError as error:
        line = directive.location.line + stages.first_line - 1
        raise fault(error.message, replace(directive.location, line=line, end_line=line)) from None


def parse_options(text: str) -> Options:
    """Read ``skip=A,B;experimental=C;error=true``, each at most once, in any order.

    Raises:
        DockerfileError: without location. An unknown option or no boolean.
    """
    options = Options()
    text = text.strip()
    for part in text.split(";", _MOST_PARTS - 1) if text else ():
        name, equals, value = (word.strip() for word in part.partition("="))
        names = frozenset(word.strip() for word in value.split(","))
        if not equals:
            raise DockerfileError(f"failed to parse check options: invalid check option {quote(part)}")
        if name == "skip":
            options = replace(options, skip=names)
        elif name == "experimental":
            options = replace(options, experimental=names)
        elif name == "error":
            options = replace(options, error=_boolean(part, value))
        else:
            raise DockerfileError(f"failed to parse check options: invalid check option {quote(name)}")
    return options


def _boolean(part: str, value: str) -> bool:
    if value not in _BOOLEANS:
        reason = f"failed to parse check options: failed to parse check option {quote(part)}: no boolean"
        raise DockerfileError(reason)
    return _BOOLEANS[value]
