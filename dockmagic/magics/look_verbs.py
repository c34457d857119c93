"""The verbs that list and inspect, and their options."""

from __future__ import annotations

from dockmagic.magics import values
from dockmagic.magics.options import Option, later, one_of
from dockmagic.magics.verb import Verb

QUIET = Option(names=("-q", "--quiet"), help="the ids alone, a line each")
NO_TRUNC = Option(names=("--no-trunc",), help="ids and long texts whole")
FORMAT = Option(
    names=("--format",),
    value="TEMPLATE",
    default="",
    raw=True,
    help="docker's template for each: '{{.ID}}'; 'table {{.ID}}\\t{{.Size}}'; json",
)
INSPECT_FORMAT = Option(
    names=("-f", "--format"),
    value="TEMPLATE",
    default="",
    raw=True,
    help="docker's template of docker's fields: '{{.State.ExitCode}}', '{{json .Config}}'; json",
)


def _filter(*words: str) -> Option:
    return Option(
        names=("-f", "--filter"),
        value="KEY=VALUE",
        read=values.pair,
        many=True,
        help=f"only those: {', '.join(words)}",
        words=words,
    )


IMAGES = (
    QUIET,
    NO_TRUNC,
    FORMAT,
    _filter("reference=", "label=", "dangling=true", "before=", "since="),
    Option(names=("-a", "--all"), help="accepted as with docker: there are no images in between"),
    Option(names=("--digests",), help="the manifests' digests too"),
    *later("--tree"),
)
PS = (
    Option(names=("-a", "--all"), help="ended containers too"),
    QUIET,
    NO_TRUNC,
    FORMAT,
    _filter("name=", "status=", "exited=", "ancestor=", "label=", "volume=", "network=", "health=", "id="),
    Option(
        names=("-n", "--last"),
        value="COUNT",
        read=values.positive,
        default=0,
        help="the newest so many, ended ones too",
    ),
    Option(names=("-l", "--latest"), help="the newest, ended or not"),
    Option(names=("-s", "--size"), help="what the files of each writable layer take"),
)
HISTORY = (NO_TRUNC, FORMAT, *later("-H|--human -q|--quiet --platform="))
INSPECT = (
    INSPECT_FORMAT,
    Option(
        names=("--type",),
        value="KIND",
        read=one_of("container", "image"),
        default="",
        help="look for a container or an image alone",
    ),
    *later("-s|--size --platform="),
)
VOLUMES = (
    Option(names=("-q", "--quiet"), help="the names alone, a line each"),
    FORMAT,
    _filter("name=", "label=", "dangling=true"),
    *later("--cluster"),
)

VERBS = (
    Verb(
        name="images",
        summary="every image, or those of a name",
        operands="[NAME]",
        options=IMAGES,
    ),
    Verb(
        name="ps",
        summary="containers that run",
        options=PS,
    ),
    Verb(
        name="inspect",
        summary="a container or an image",
        operands="NAME",
        options=INSPECT,
    ),
    Verb(name="layers", summary="an image's layers, newest first", operands="IMAGE"),
    Verb(
        name="history",
        summary="an image's history, newest first",
        operands="IMAGE",
        options=HISTORY,
    ),
    Verb(
        name="diff",
        summary="what a container changed, or what differs between two images or containers",
        operands="NAME [NAME]",
        options=(Option(names=("--text",), help="the changed lines of files too"),),
    ),
)
