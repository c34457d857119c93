r"""The patterns of a ``.dockerignore``: which paths of a build context do not exist for a build.

As BuildKit has them: its reader of the file (``ignorefile.ReadAll`` of github.com/moby/patternmatcher) and that library's matcher;
docs.docker.com/build/concepts/context, section "Filename and pattern matching". The last pattern that matches a path or a directory
above it decides; ``!`` brings back; ``**`` stands for any number of directories.

moby turns a pattern into a regular expression of Go and so lets some of that syntax through (``\d`` is a digit there, ``[*]`` is no
class). Here such characters mean what the documentation says.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dockmagic.builder import globs
from dockmagic.builder.globs import Glob, Step, Text
from dockmagic.errors import UsageError

# what Go's strings.TrimSpace takes off; str.strip() takes more
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"


def read(text: str) -> tuple[str, ...]:
    """The patterns of a file's text, in order, cleaned, without a leading slash; comments and empty lines are left out.

    Nothing is checked here: a malformed pattern is refused by :class:`Ignore`.
    """
    patterns: list[str] = []
    for line in text.removeprefix("\ufeff").split("\n"):
        if line.startswith("#"):
            continue
        pattern = line.strip(_SPACE)
        back = pattern.startswith("!")
        bare = pattern[back:].strip(_SPACE)
        if bare:
            bare = clean(bare)
            bare = bare[1:] if len(bare) > 1 and bare.startswith("/") else bare
        if pattern:
            patterns.append("!" * back + bare)
    return tuple(patterns)


def clean(path: str) -> str:
    """The shortest form of a path, as Go's ``filepath.Clean`` gives it."""
    shortest = posixpath.normpath(path)
    return shortest[1:] if shortest.startswith("//") else shortest


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern.

    Attributes:
        text: cleaned, without its ``!``.
        back: it was written with ``!`` and brings back what it matches.
        matches: whether it matches a path itself; directories above are not looked at.
    """

    text: str
    back: bool
    matches: Callable[[Text], bool]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the patterns say of one path.

    Attributes:
        excluded: the path is excluded.
        matched: which patterns matched it or a directory above it.
    """

    excluded: bool
    matched: tuple[bool, ...]


_NOTHING = Verdict(excluded=False, matched=())


class Ignore:
    """An ordered list of patterns.

    Args:
        patterns: as :func:`read` gives them, or as they are written behind ``--exclude``.

    Raises:
        UsageError: a pattern is malformed, or is a lone ``!``.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        trimmed = (pattern.strip(_SPACE) for pattern in patterns)
        self.patterns = tuple(_pattern(clean(pattern)) for pattern in trimmed if pattern)
        self._prefixes = [_prefix(pattern.text) for pattern in self.patterns if pattern.back]

    def excludes(self, path: str) -> bool:
        """Whether ``path`` is excluded by itself or through a directory above it (moby's ``MatchesOrParentMatches``)."""
        path = clean(path)
        if path == ".":
            return False
        parts = path.split("/")
        texts = [Text("/".join(parts[:count])) for count in range(len(parts), 0, -1)]
        excluded = False
        for pattern in self.patterns:
            # one that excludes cannot change an excluded path, nor one that brings back an included one
            if pattern.back == excluded and any(pattern.matches(text) for text in texts):
                excluded = not pattern.back
        return excluded

    def verdict(self, path: str, above: Verdict | None = None) -> Verdict:
        """What holds for ``path`` while a tree is walked from its top (moby's ``MatchesUsingParentResults``).

        A build walks its context, so this is what counts for COPY. It differs from :meth:`excludes` in one case: a pattern that
        had nothing left to decide at a directory is not held against what stands below it.

        Args:
            path: clean and relative.
            above: the verdict on its directory, None at the top.
        """
        if not self.patterns:
            return _NOTHING
        text = Text(path)
        before = above.matched if above is not None else (False,) * len(self.patterns)
        excluded = False
        matched = []
        for pattern, inherited in zip(self.patterns, before, strict=True):
            hit = inherited or (pattern.back == excluded and pattern.matches(text))
            matched.append(hit)
            if hit:
                excluded = not pattern.back
        return Verdict(excluded=excluded, matched=tuple(matched))

    def may_bring_back(self, directory: str) -> bool:
        """Whether a pattern with ``!`` can match something below an excluded directory, which is walked then."""
        return any(prefix is None or f"{prefix}/".startswith(f"{directory}/") for prefix in self._prefixes)


def _prefix(pattern: str) -> str | None:
    """The directories that a pattern names, None where wildcards leave that open."""
    # One wildcard at the end, not two: below a/*/** any directory of a may be brought back.
    bare = pattern.removesuffix("/**") if pattern.endswith("/**") else pattern.removesuffix("/*")
    return None if any(character in "*[]?^\\" for character in bare) else bare


def _pattern(text: str) -> Pattern:
    back = text.startswith("!")
    bare = text[back:]
    if not bare:
        raise UsageError(
            'illegal exclusion pattern: "!"', hint='write what "!" brings back behind it, as in "!README.md"'
        )
    Glob(bare)
    return Pattern(bare, back, _matcher(bare))


def _matcher(pattern: str) -> Callable[[Text], bool]:
    """The quickest matcher that is right: most patterns are a plain path, ``dir/**`` or ``**/name``."""
    if not any(character in "*?[]\\" for character in pattern):
        return lambda text: text.value == pattern
    start, rest = pattern[:-2], pattern[2:]
    if pattern.endswith("**") and not any(character in "*?[]\\" for character in start):
        return lambda text: text.value.startswith(start)
    if pattern.startswith("**") and not any(character in "*?[]\\" for character in rest):
        # without its slash too: moby lets "**name" match "some-name"
        return lambda text: text.value.endswith(rest) or text.value == rest.removeprefix("/")
    steps = tuple(_steps(pattern))
    return lambda text: globs.matches(steps, text)


def _any_directories(text: Text, reached: int) -> int:
    """``**/``: any number of directories, also none."""
    return reached | (globs.flood(reached, text.line) & text.before("/")) << 1


def _anything(text: Text, reached: int) -> int:
    """``**`` at the end."""
    return globs.flood(reached, text.line)


def _steps(pattern: str) -> list[Step]:
    """The steps of a pattern that :class:`Glob` has taken."""
    steps: list[Step] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*" and pattern.startswith("*", at):
            at += 2 if pattern.startswith("/", at + 1) else 1
            steps.append(_any_directories if at < len(pattern) else _anything)
        elif character == "*":
            steps.append(globs.any_run)
        elif character == "?":
            steps.append(globs.any_character)
        elif character == "[":
            ranges, negated, at = globs.parse_class(pattern, at)
            if any(low > high for low, high in ranges):
                raise globs.malformed(pattern)
            steps.append(globs.one_of(ranges, negated=negated))
        else:
            if character == "\\":
                character = pattern[at]
                at += 1
            steps.append(globs.literal(character))
    return steps
