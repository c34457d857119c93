"""The verbs by which images come and go: registries, archives and trees."""

from __future__ import annotations

from dockmagic.magics import options as table
from dockmagic.magics import values
from dockmagic.magics.options import Option
from dockmagic.magics.verb import Verb

_PLATFORM = Option(
    names=("--platform",), value="PLATFORM", read=values.filled, default="", help="of several, that one: linux/arm64"
)
_ALL_PLATFORMS = Option(names=("--all-platforms",), help="of several, all, with their index as it is")
_SEVERAL = Option(
    names=("--all-platforms",), help="refuse a name that stands for one image; several go together anyway"
)
_USERNAME = Option(names=("-u", "--username"), value="NAME", read=values.filled, default="", help="who signs in")
_PASSWORD_STDIN = Option(
    names=("--password-stdin",), value="VAR", read=values.variable, help="the password: a variable with text"
)
_NO_PASSWORD = Option(
    names=("-p", "--password"),
    value="PASSWORD",
    absent="IPython keeps every line; leave it out to be asked, or give --password-stdin VAR",
)
_INPUT = Option(names=("-i", "--input"), value="PATH", read=values.filled, help="the archive, as docker has it")
_OUTPUT = Option(names=("-o", "--output"), value="PATH", read=values.filled, help="the file to write")
_FORM = Option(
    names=("--format",),
    value="FORM",
    default="docker-archive",
    help="docker-archive, oci-archive or oci-dir (default docker-archive)",
)

VERBS = (
    Verb(
        name="pull",
        summary="fetch an image from its registry",
        operands="IMAGE",
        options=(_PLATFORM, _ALL_PLATFORMS, *table.later("-a|--all-tags --disable-content-trust"), table.NO_QUIET),
    ),
    Verb(
        name="push",
        summary="send an image to its registry; returns the digest there",
        operands="IMAGE",
        options=(_SEVERAL, *table.later("-a|--all-tags --disable-content-trust --platform="), table.NO_QUIET),
    ),
    Verb(
        name="login",
        summary="sign in to a registry (default: Docker Hub); the password is asked for",
        operands="[SERVER]",
        options=(_USERNAME, _PASSWORD_STDIN, _NO_PASSWORD),
    ),
    Verb(name="logout", summary="forget what login keeps for a registry", operands="[SERVER]"),
    Verb(
        name="load",
        summary="take the images of a docker or OCI archive",
        operands="[PATH]",
        options=(_INPUT, _PLATFORM, _ALL_PLATFORMS, *table.later("-q|--quiet")),
    ),
    Verb(
        name="save",
        summary="write images to an archive that docker and every OCI tool reads",
        operands="IMAGE...",
        options=(_OUTPUT, _FORM, _SEVERAL, *table.later("--platform=")),
    ),
    Verb(
        name="export",
        summary="write the root file system of a container or image as a tar",
        operands="NAME",
        options=(_OUTPUT,),
    ),
    Verb(
        name="import",
        summary="make an image from the tar of a root file system",
        operands="PATH [IMAGE]",
        options=(table.MESSAGE, table.CHANGE, *table.later("--platform=")),
    ),
)
