"""Expectations of an exercise: what an image, container, run or build has to be, with a report that a student can read."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from dockmagic.api.subject import MissingError, Subject, Target
from dockmagic.errors import ExpectationError
from dockmagic.record.escape import visible
from dockmagic.table import Table, decimal_size

if TYPE_CHECKING:
    from dockmagic.engine.engine import Engine
    from dockmagic.listing import File

_KINDS = {"file": "file", "hardlink": "file", "dir": "directory", "symlink": "link"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One expectation and what came of it.

    Attributes:
        text: what is expected, in words.
        reason: why it does not hold, "" when it does.
        line: of the cell, from 1; 0 where there is none.
    """

    text: str
    reason: str = ""
    line: int = 0

    @property
    def ok(self) -> bool:
        """It holds."""
        return not self.reason


class Expect:
    """Collects expectations; each method adds one and returns the same object, and ``check()`` raises when one does not hold.

    Args:
        target: an image, container, run or build, or the name of a container or image.
        engine: who knows them; by default this process's own.

    Raises:
        NotFoundError: nothing has that name.
    """

    def __init__(self, target: Target, *, engine: Engine | None = None) -> None:
        if engine is None:
            from dockmagic.engine.engine import default  # noqa: PLC0415 - only where none is given

            engine = default()
        self.findings: list[Finding] = []
        self.line = 0
        self._subject = Subject(target, engine)

    def file(
        self,
        path: str,
        *,
        content: str | None = None,
        contains: str | None = None,
        mode: int | None = None,
        owner: str = "",
    ) -> Self:
        """A regular file, with this content but for a last line's end, permissions (``0o644``) and owner (``"0:0"``)."""
        asked = [*_about("is", content), *_about("contains", contains), *_rights(mode, owner)]
        with self._expecting(f"file {path}", *asked):
            self._standing(path, "file", mode, owner)
            if content is not None or contains is not None:
                text = self._subject.content(path).decode("utf-8", "replace")
                _compare_text("it", text, content, contains)
        return self

    def directory(self, path: str, *, mode: int | None = None, owner: str = "") -> Self:
        """A directory."""
        with self._expecting(f"directory {path}", *_rights(mode, owner)):
            self._standing(path, "directory", mode, owner)
        return self

    def link(self, path: str, to: str) -> Self:
        """A symbolic link with this text."""
        with self._expecting(f"link {path} to {to}"):
            found = self._standing(path, "link", None, "")
            _equal("it leads to", found.entry.linkname, to)
        return self

    def absent(self, path: str) -> Self:
        """Nothing stands there."""
        with self._expecting(f"no {path}"):
            found = self._subject.file(path)
            if found is not None:
                raise MissingError(f"there is a {_KINDS.get(found.entry.type, found.entry.type)}")
        return self

    def layers(self, count: int | None = None, *, at_least: int | None = None, at_most: int | None = None) -> Self:
        """So many layers."""
        with self._expecting("layers", *_bounds(count, at_least, at_most)):
            found = len(self._subject.image.layers)
            _within(found, count, at_least, at_most, f"there are {found}")
        return self

    def size(self, *, at_most: int) -> Self:
        """The image's bytes."""
        with self._expecting(f"size at most {decimal_size(at_most)}"):
            found = self._subject.image.size
            _within(found, None, None, at_most, f"it has {decimal_size(found)}")
        return self

    def setting(self, name: str, value: Any) -> Self:
        """A setting of the image's config: ``setting("Cmd", ["cat"])``, ``setting("User", "nobody")``."""
        word = "workdir" if name == "WorkingDir" else name.lower()
        with self._expecting(f"{word} {_words(value)}"):
            _equal("it is", self._subject.settings.get(name) or type(value)(), value)
        return self

    def env(self, name: str, value: str) -> Self:
        """A variable that the image sets."""
        with self._expecting(f"env {name} {shlex.quote(value)}"):
            found = dict(word.split("=", 1) for word in self._subject.settings.get("Env") or ())
            if name not in found:
                raise MissingError("it is not set")
            _equal("it is", found[name], value)
        return self

    def label(self, name: str, value: str) -> Self:
        """A label of the image."""
        with self._expecting(f"label {name} {shlex.quote(value)}"):
            found = self._subject.settings.get("Labels") or {}
            if name not in found:
                raise MissingError("it is not set")
            _equal("it is", found[name], value)
        return self

    def member(self, name: str, value: str) -> Self:
        """A port (``ExposedPorts``) or volume (``Volumes``) of the image's config."""
        with self._expecting(f"{'port' if name == 'ExposedPorts' else 'volume'} {value}"):
            found = self._subject.settings.get(name) or {}
            if value not in found:
                raise MissingError(f"there are: {' '.join(sorted(found)) or 'none'}")
        return self

    def lint(self) -> Self:
        """The linter had nothing to say of the build."""
        with self._expecting("lint"):
            found = self._subject.build.warnings
            if found:
                raise MissingError(found[0])
        return self

    def exit_code(self, code: int) -> Self:
        """How the run ended."""
        with self._expecting(f"exit {code}"):
            run = self._subject.run
            _equal("it ended with", f"{run.exit_code}{f' ({run.stopped})' if run.stopped else ''}", str(code))
        return self

    def printed(self, stream: str = "output", *, equals: str | None = None, contains: str | None = None) -> Self:
        """What the run printed: ``"stdout"``, ``"stderr"``, or both as they came: ``"output"``; a last line's end does not count."""
        with self._expecting(stream, *_about("is", equals), *_about("contains", contains)):
            text: str = getattr(self._subject.run, stream)
            _compare_text("it", text, equals, contains)
        return self

    def changes(self, expected: Mapping[str, str]) -> Self:
        """Exactly these paths are added (A), changed (C) and deleted (D)."""
        told = " ".join(f"{kind} {path}" for path, kind in sorted(expected.items())) or "nothing"
        with self._expecting(f"changes {told}"):
            found = dict(self._subject.changes)
            _equal("they are", " ".join(f"{kind} {path}" for path, kind in sorted(found.items())) or "nothing", told)
        return self

    def run(self, *argv: str, script: str | None = None) -> Expect:
        """Run a command or script in a new container of the image; returns the expectations of that run."""
        run = self._subject.engine.run(self._subject.image, argv, script=script)
        below = Expect(run, engine=self._subject.engine)
        below.findings, below.line = self.findings, self.line
        return below

    def report(self) -> Table[Finding]:
        """Every expectation and whether it holds."""
        held = sum(finding.ok for finding in self.findings)
        rows = tuple(("ok" if f.ok else "no", f"{f.text}{f': {f.reason}' if f.reason else ''}") for f in self.findings)
        title = f"{held} of {len(rows)} expectations hold"
        return Table(columns=("", "EXPECTED"), items=tuple(self.findings), rows=rows, title=title)

    def check(self) -> None:
        """Raise when an expectation does not hold.

        Raises:
            ExpectationError: the first one and its reason, and how many there are; also an AssertionError.
        """
        failed = [finding for finding in self.findings if not finding.ok]
        if failed:
            first = failed[0]
            place = f"line {first.line}: " if first.line else ""
            raise ExpectationError(
                f"{place}{first.text}: {first.reason}",
                hint=f"{len(failed)} of {len(self.findings)} expectations do not hold"
                if len(self.findings) > 1
                else "",
            )

    @contextlib.contextmanager
    def _expecting(self, *words: str) -> Iterator[None]:
        reason = ""
        try:
            yield
        except MissingError as missing:
            reason = str(missing)
        # A path, a link's text or a setting may hold what a terminal obeys.
        self.findings.append(Finding(text=visible(" ".join(words)), reason=visible(reason), line=self.line))

    def _standing(self, path: str, kind: str, mode: int | None, owner: str) -> File:
        found = self._subject.file(path)
        if found is None:
            raise MissingError("nothing stands there")
        _equal("it is a", _KINDS.get(found.entry.type, found.entry.type), kind)
        if mode is not None:
            _equal("its mode is", f"{found.entry.mode:o}", f"{mode:o}")
        if owner:
            _equal("its owner is", f"{found.entry.uid}:{found.entry.gid}", owner)
        return found


def _about(word: str, text: str | None) -> list[str]:
    return [] if text is None else [word, shlex.quote(text) if text.isprintable() else repr(text)]


def _rights(mode: int | None, owner: str) -> list[str]:
    return [*([] if mode is None else ["mode", f"{mode:o}"]), *(["owner", owner] if owner else [])]


def _bounds(count: int | None, at_least: int | None, at_most: int | None) -> list[str]:
    given = (("", count), ("at least ", at_least), ("at most ", at_most))
    return [f"{word}{number}" for word, number in given if number is not None]


def _words(value: Any) -> str:
    return (
        " ".join(map(shlex.quote, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
    )


def _within(found: int, count: int | None, at_least: int | None, at_most: int | None, told: str) -> None:
    wrong: tuple[Callable[[], bool], ...] = (
        lambda: count is not None and found != count,
        lambda: at_least is not None and found < at_least,
        lambda: at_most is not None and found > at_most,
    )
    if any(test() for test in wrong):
        raise MissingError(told)


def _equal(told: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise MissingError(f"{told} {_words(found) or 'empty'}")


def _compare_text(told: str, text: str, content: str | None, contains: str | None) -> None:
    if content is not None and text.removesuffix("\n") != content.removesuffix("\n"):
        raise MissingError(f"{told} is {_cut(text)}")
    if contains is not None and contains not in text:
        raise MissingError(f"{told} does not: {_cut(text)}")


def _cut(text: str) -> str:
    """The beginning of a text, quoted on one line."""
    limit = 60
    return repr(text if len(text) <= limit else f"{text[:limit]}...")
