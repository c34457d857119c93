"""The options, declared once: parsing, help, completion and the reference page all read these tables.

Names and kinds of value are docker's; where dockmagic has no such option yet, the table says so, and using it is an
error: an option is never ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dockmagic.magics import values


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option.

    Attributes:
        names: as typed, the long one last: ``("-t", "--tag")``.
        help: one line, for the help and the reference.
        value: what its value is called there; "" for a flag, which takes none.
        read: turns the value's text into a value; ``ValueError`` says what is wrong with it.
        many: may be given again; the values are collected in a tuple.
        default: the value when it is not given (``()`` for ``many``, False for a flag).
        raw: braces in its value are Python's, not filled.
        absent: why it cannot be used here, with what to do instead; "" for one that can.
        words: what its value may be or begin with, for completion; of :class:`OneOf` they are known.
        also: older names that docker takes and does not show.
    """

    names: tuple[str, ...]
    help: str = ""
    value: str = ""
    read: Callable[[str], Any] = str
    many: bool = False
    default: Any = None
    raw: bool = False
    absent: str = ""
    words: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def offered(self) -> tuple[str, ...]:
        """What completion offers as its value."""
        return self.read.allowed if isinstance(self.read, OneOf) else self.words

    @property
    def key(self) -> str:
        """Its name as an identifier: ``build_arg``."""
        return self.names[-1].lstrip("-").replace("-", "_")

    @property
    def title(self) -> str:
        """``-t, --tag``."""
        return ", ".join(self.names)

    @property
    def initial(self) -> Any:
        """The value when it is not given."""
        if self.many:
            return ()
        return self.default if self.value else False


@dataclass(frozen=True, slots=True)
class OneOf:
    """Reads a word that must be one of ``allowed``; docker's ``others`` are called not available."""

    allowed: tuple[str, ...]
    others: tuple[str, ...] = ()

    def __call__(self, text: str) -> str:
        """The word itself."""
        if text in self.others:
            raise ValueError(f"{text} is not available yet; available: {', '.join(self.allowed)}")
        if text not in self.allowed:
            raise ValueError(f"it is none of {', '.join(self.allowed)}")
        return text


def one_of(*allowed: str, later: tuple[str, ...] = ()) -> OneOf:
    """:class:`OneOf` as its words."""
    return OneOf(allowed, later)


TAG = Option(names=("-t", "--tag"), value="NAME", read=values.filled, many=True, help="a name for the image")
LABEL = Option(names=("--label",), value="KEY=VALUE", read=values.pair, many=True, help="a label of the image")
NO_CACHE = Option(names=("--no-cache",), help="build every step again")
RESULT = (
    Option(names=("--result",), value="VAR", read=values.variable, help="the Run or Build as a Python variable"),
    Option(names=("--no-raise-error",), help="a failure raises nothing; see the result"),
)
EXPECT = (
    Option(names=("--result",), value="VAR", read=values.variable, help="the report as a Python variable"),
    Option(names=("--no-raise-error",), help="an expectation that does not hold raises nothing"),
)
MESSAGE = Option(names=("-m", "--message"), value="TEXT", default="", help="a comment for the history")
CHANGE = Option(
    names=("-c", "--change"), value="INSTRUCTION", read=values.filled, many=True, help="what the image sets: 'ENV A=1'"
)
QUIET = Option(names=("-q", "--quiet"), help="no record below the cell")
OUTPUT = (
    Option(
        names=("--out",), value="VAR", read=values.variable, help="standard output as text in a variable, not shown"
    ),
    Option(names=("--err",), value="VAR", read=values.variable, help="the same for standard error"),
)


def later(*spelled: str) -> tuple[Option, ...]:
    """Docker's options that are not there yet: ``-p|--publish=``, with ``=`` where one takes a value."""
    return tuple(
        Option(names=names, value="VALUE" if takes else "", absent="it is not available yet")
        for names, takes in (
            (tuple(word.rstrip("=").split("|")), word.endswith("=")) for text in spelled for word in text.split()
        )
    )


_TERMINAL = "a cell has no terminal; its body is the script, and --stdin VAR gives it input"
NO_TERMINAL = (
    Option(names=("-i", "--interactive"), absent=_TERMINAL),
    Option(names=("--tty",), absent=_TERMINAL),
)
NO_TTY = Option(names=("-t",), absent=_TERMINAL)
NO_QUIET = Option(
    names=("-q", "--quiet"), absent="a line shows nothing by itself; keep what it returns: x = %container …"
)


def refused(spelled: str, why: str) -> tuple[Option, ...]:
    """As :func:`later`, of options that have a reason of their own."""
    return tuple(replace(option, absent=why) for option in later(spelled))
