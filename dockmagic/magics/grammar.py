"""From the magic line to a command: split first, then look at options, then fill each value's braces.

Braces are filled after a word's part is known, so a value that begins with ``-`` never becomes an option.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dockmagic.errors import UsageError
from dockmagic.magics import run_options, values, verbs

if TYPE_CHECKING:
    from dockmagic.magics.braces import Fill
    from dockmagic.magics.options import Option
    from dockmagic.magics.verb import Verb

_OPTION_LINES = "long option lists go into lines `# dockmagic: …` at the top of the cell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A parsed magic line.

    Attributes:
        options: every option of the verb by its key, with its default where it was not given.
        operands: the words that the verb names, e.g. the image.
        arguments: the words for the script or command.
        help: ``--help`` was there.
        given: the options that were there, by key, without defaults.
        text: the words of the line as typed, quoted where they have to be.
    """

    verb: Verb
    options: Mapping[str, Any]
    operands: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    help: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""


def merged(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Options of two places: the later one wins, and options that may be repeated add up."""
    both = {**earlier}
    for key, value in later.items():
        old = both.get(key)
        both[key] = (*old, *value) if isinstance(value, tuple) and isinstance(old, tuple) else value
    return both


def split(line: str) -> list[str]:
    """The words of a line, by the shell's rules of quoting; nothing is expanded.

    Raises:
        UsageError: a quote is not closed, or the line ends with a backslash.
    """
    if line.rstrip().endswith("\\"):
        raise UsageError("a magic line cannot be continued with \\", hint=_OPTION_LINES)
    try:
        return shlex.split(line)
    except ValueError:
        raise UsageError("a quote is not closed in the magic line") from None


def parse(
    line: str, *, fill: Fill, cell: bool, header: Sequence[str] = (), defaults: Callable[[], Mapping[str, Any]] = dict
) -> Command:
    """The command of a magic line.

    Args:
        line: what follows ``%%container`` or ``%container``.
        fill: fills the braces of a word, see :mod:`dockmagic.magics.braces`.
        cell: it is a cell magic.
        header: the ``# dockmagic:`` lines of the body; an option on the magic line itself goes before them.
        defaults: gives options by key that verbs which build or run have before all that; others do not ask.

    Raises:
        UsageError: an unknown verb or option, a bad value, or operands that are missing or too many.
    """
    words = split(line)
    name, count = verbs.name_in(words)
    verb = verbs.find(name, cell=cell)
    return command_of(verb, words[count:], fill=fill, header=header, defaults=defaults)


def command_of(
    verb: Verb,
    words: Sequence[str],
    *,
    fill: Fill,
    header: Sequence[str] = (),
    defaults: Callable[[], Mapping[str, Any]] = dict,
) -> Command:
    """The command of a verb and the words behind it; see :func:`parse`."""
    taken = _Words(verb, fill, text=shlex.join(words))
    if verb.name in verbs.DEFAULTED:
        taken.given.update(_usable(verb, defaults()))
        taken.restart()
    for option_line in header:
        taken.take(split(option_line))
        if taken.operands or taken.arguments:
            raise UsageError(
                f"only options may stand in a `# dockmagic:` line, not {[*taken.operands, *taken.arguments][0]}"
            )
    taken.restart()
    taken.take(list(words))
    return taken.command()


def _usable(verb: Verb, defaults: Mapping[str, Any]) -> dict[str, Any]:
    own = {option.key for option in verb.available}
    if verb.name == "build":  # what a session limits are its containers
        own -= {option.key for option in run_options.STEP_LIMITS}
    return {key: value for key, value in defaults.items() if key in own}


@dataclass(slots=True)
class _Words:
    """What was found so far."""

    verb: Verb
    fill: Fill
    given: dict[str, Any] = field(default_factory=dict)
    operands: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    help: bool = False
    text: str = ""
    _earlier: dict[str, Any] = field(default_factory=dict)

    def restart(self) -> None:
        """Remember what stands below what comes now: defaults, then header lines."""
        self._earlier, self.given = merged(self._earlier, self.given), {}

    def take(self, words: list[str]) -> None:
        """Take the words of one line."""
        rest = list(words)
        while rest:
            word = rest.pop(0)
            if word == "--":
                self._after_dashes(rest)
                return
            if word == "--help":
                self.help = True
            elif word.startswith("--"):
                self._long(word, rest)
            elif word.startswith("-") and word != "-":
                self._short(word, rest)
            elif self._is_command():
                # As docker: behind the image every word is the command's, options too.
                self.arguments += map(self.fill, (word, *rest))
                return
            else:
                self._plain(word)

    def _is_command(self) -> bool:
        return self.verb.arguments and not self.verb.body and len(self.operands) == self.verb.most

    def _plain(self, word: str) -> None:
        full = self.verb.most is not None and len(self.operands) >= self.verb.most
        takes = full and self.verb.arguments and bool(self.verb.operands)
        (self.arguments if takes else self.operands).append(self.fill(word))

    def _after_dashes(self, rest: list[str]) -> None:
        if self.verb.arguments:
            missing = self.verb.least - len(self.operands)
            self.operands += map(self.fill, rest[:missing] if missing > 0 else [])
            rest = rest[max(missing, 0) :]
            self.arguments += map(self.fill, rest)
        else:
            self.operands += map(self.fill, rest)

    def _long(self, word: str, rest: list[str]) -> None:
        name, equals, attached = word.partition("=")
        option = self._known(name)
        if option.value:
            self._store(option, attached if equals else self._next(option, rest))
        elif equals:
            self._refuse_absent(option)
            self.given[option.key] = self._read(option, self.fill(attached), values.truth)
        else:
            self._flag(option)

    def _short(self, word: str, rest: list[str]) -> None:
        if set(word) == set("-it"):
            self._refuse_absent(self._known("-i"), shown=word)
        letters = word[1:]
        while letters:
            option = self._known(f"-{letters[0]}", within=word)
            letters = letters[1:]
            if not option.value:
                self._flag(option)
                continue
            attached = letters.removeprefix("=")
            self._store(option, attached if letters else self._next(option, rest))
            return

    def _next(self, option: Option, rest: list[str]) -> str:
        self._refuse_absent(option)
        if not rest:
            raise UsageError(f"{option.title} needs a value: {option.value}")
        return rest.pop(0)

    def _flag(self, option: Option) -> None:
        self._refuse_absent(option)
        self.given[option.key] = True

    def _store(self, option: Option, raw: str) -> None:
        self._refuse_absent(option)
        value = self._read(option, raw if option.raw else self.fill(raw), option.read)
        self.given[option.key] = (*self.given.get(option.key, ()), value) if option.many else value

    def _read(self, option: Option, text: str, read: Any) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise UsageError(f'invalid argument "{text}" for "{option.title}" flag: {error}') from None

    def _refuse_absent(self, option: Option, *, shown: str = "") -> None:
        if option.absent:
            raise UsageError(f"{shown or option.title} cannot be used: {option.absent}")

    def _known(self, name: str, *, within: str = "") -> Option:
        option = self.verb.option(name)
        if option is not None:
            return option
        long = [n for o in self.verb.available for n in o.names if n.startswith("--")]
        place = f" in {within}" if within and within != name else ""
        hint = f"options of {self.verb.magic}: {self.verb.magic.replace('%%', '%')} --help"
        if self.verb.arguments:
            hint += "; words for the script or command that begin with - stand after --"
        raise UsageError(f"unknown option {name}{place}{verbs.meant(name, long)}", hint=hint)

    def command(self) -> Command:
        """The command, when the operands are as many as the verb wants."""
        verb = self.verb
        if not self.help:
            self._count()
        options = {option.key: option.initial for option in verb.available}
        options = merged(merged(options, self._earlier), self.given)
        return Command(
            verb=verb,
            options=options,
            operands=tuple(self.operands),
            arguments=tuple(self.arguments),
            help=self.help,
            given=merged(self._earlier, self.given),
            text=self.text,
        )

    def _count(self) -> None:
        verb = self.verb
        usage = f"{verb.magic} [options] {verb.operands}".rstrip()
        if len(self.operands) < verb.least:
            missing = verb.operands.split()[len(self.operands)].rstrip(".")
            raise UsageError(f"{missing} is missing", hint=f"write {usage}")
        if verb.most is not None and len(self.operands) > verb.most:
            raise UsageError(f"too many words: {self.operands[verb.most]}", hint=f"write {usage}")
