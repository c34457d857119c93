"""The verbs of containers that live."""

from __future__ import annotations

from dockmagic.magics import options as table
from dockmagic.magics import values
from dockmagic.magics.options import Option
from dockmagic.magics.verb import Verb

_STOP = (
    Option(names=("-t", "--time"), value="TIME", read=values.patience, help="how long (default: its own, else 10s)"),
    Option(names=("-s", "--signal"), value="SIGNAL", default="", help="in place of the image's STOPSIGNAL or TERM"),
)

VERBS = (
    Verb(
        name="stop",
        summary="ask containers to end, and end them after a while",
        operands="CONTAINER...",
        options=_STOP,
    ),
    Verb(
        name="start",
        summary="run containers that have ended again, as they were made, beside the notebook",
        operands="CONTAINER...",
        options=table.refused("-a|--attach -i|--interactive --detach-keys=", "logs -f shows what it prints"),
    ),
    Verb(
        name="restart",
        summary="stop containers and start them again",
        operands="CONTAINER...",
        options=_STOP,
    ),
    Verb(
        name="kill",
        summary="send a signal to the first process of containers",
        operands="CONTAINER...",
        options=(Option(names=("-s", "--signal"), value="SIGNAL", default="KILL", help="which (default KILL)"),),
    ),
    Verb(name="pause", summary="hold every process of containers", operands="CONTAINER..."),
    Verb(name="unpause", summary="let paused containers go on", operands="CONTAINER..."),
    Verb(name="wait", summary="stay until a container has ended; its exit code", operands="CONTAINER"),
    Verb(
        name="stats",
        summary="what containers that run use",
        operands="[CONTAINER...]",
        options=(
            Option(names=("--no-stream",), help="accepted as with docker: it tells once"),
            *table.later("-a|--all --format= --no-trunc"),
        ),
    ),
    Verb(
        name="cp",
        summary="copy files between this machine and a container, NAME:PATH",
        operands="SOURCE TARGET",
        options=table.later("-a|--archive -L|--follow-link -q|--quiet"),
    ),
    Verb(name="port", summary="what a container publishes", operands="CONTAINER [PORT]"),
    Verb(name="top", summary="the processes of a container", operands="CONTAINER"),
    Verb(name="rename", summary="give a container another name", operands="CONTAINER NAME"),
)
