"""The options of a build; see :mod:`dockmagic.magics.options`."""

from __future__ import annotations

from dockmagic.builder import exports, option_values
from dockmagic.magics import values
from dockmagic.magics.options import LABEL, NO_CACHE, TAG, Option, one_of, refused

BUILD_ARG = Option(
    names=("--build-arg",),
    value="KEY=VALUE",
    read=values.named,
    many=True,
    help="a value for an ARG; KEY alone takes the notebook's variable",
)
CONTEXT = Option(
    names=("--context",),
    value="PATH",
    read=values.filled,
    help="the directory that COPY takes files from (default: the notebook's)",
)
CHECK = (
    BUILD_ARG,
    Option(names=("--target",), value="STAGE", help="look only at this stage and what it needs"),
    CONTEXT,
    Option(names=("--result",), value="VAR", read=values.variable, help="the warnings as a Python variable"),
    Option(names=("--no-raise-error",), help="neither warnings nor a fault raise anything"),
)

BUILD = (
    TAG,
    BUILD_ARG,
    Option(names=("--target",), value="STAGE", help="stop at this stage"),
    NO_CACHE,
    CONTEXT,
    LABEL,
    Option(
        names=("--no-cache-filter",),
        value="STAGE",
        read=values.names,
        many=True,
        help="build every step of this stage again",
    ),
    Option(
        names=("--build-context",),
        value="NAME=PATH",
        read=option_values.context,
        many=True,
        help="what a name means: a directory, docker-image://IMAGE, oci-layout://DIR:TAG, a URL",
    ),
    Option(
        names=("--secret",),
        value="id=NAME,src=FILE",
        read=option_values.secret,
        many=True,
        help="a secret for RUN --mount=type=secret; env=VARIABLE in place of src=FILE",
    ),
    Option(
        names=("--ssh",),
        value="ID",
        read=option_values.agent,
        many=True,
        help="the ssh agent for RUN --mount=type=ssh: default, or ID=SOCKET",
    ),
    Option(
        names=("--add-host",),
        value="NAME:ADDRESS",
        read=option_values.host,
        many=True,
        help="a line of /etc/hosts for RUN",
    ),
    Option(names=("--check",), help="build nothing: show what the linter says"),
    Option(
        names=("--progress",),
        value="KIND",
        read=one_of("auto", "plain", "quiet", "none", later=("tty", "rawjson")),
        default="auto",
        help="plain: print what the steps print; quiet: show nothing while it goes on",
    ),
    Option(names=("--pull",), help="ask registries for the base images, also for those that are here"),
    Option(
        names=("--platform",),
        value="PLATFORM",
        read=values.filled,
        many=True,
        help="what the image is for: linux/arm64; several with commas",
    ),
    Option(
        names=("-o", "--output"),
        value="DEST",
        read=exports.output,
        many=True,
        help="a directory for the image's files; or type=tar, oci, docker (dest=FILE), registry",
    ),
    Option(names=("--push",), help="send the image to the registries that its tags name, as -o type=registry"),
    Option(names=("--load",), help="accepted as with docker: an image is kept in any case"),
    Option(names=("--iidfile",), value="PATH", read=values.filled, help="write the image's id to a file"),
    Option(
        names=("--metadata-file",), value="PATH", read=values.filled, help="write digests and names to a file, as JSON"
    ),
    Option(
        names=("--cache-to",),
        value="DEST",
        read=exports.cache_to,
        many=True,
        help="type=local,dest=DIR: keep the steps in a directory; mode=max: those of every stage",
    ),
    Option(
        names=("--cache-from",),
        value="SOURCE",
        read=exports.cache_from,
        many=True,
        help="type=local,src=DIR: take steps from such a directory",
    ),
    Option(names=("--provenance",), value="false", read=one_of("false", "0"), help="false: none is made in any case"),
    Option(names=("--sbom",), value="false", read=one_of("false", "0"), help="false: none is made in any case"),
)

_LIMITED = "a build's steps are limited by -m, --cpus, --pids-limit, --disk, --ulimit, --shm-size and --timeout"

# Docker's options that a build does not honour.
BUILD_LATER = (
    *refused("--squash", "copy the result onto an empty image: FROM scratch, COPY --from=STAGE / /"),
    *refused("--compress --stream", "there is no daemon that the context is sent to"),
    *refused("--force-rm --rm", "nothing is left of a step but the container of one that failed"),
    *refused("--isolation=", "it is for Windows"),
    *refused("--memory-swap= --cgroup-parent= --cpu-period= --cpu-quota=", _LIMITED),
    *refused("-c|--cpu-shares= --cpuset-cpus= --cpuset-mems=", _LIMITED),
    *refused("--security-opt=", "every step has the same walls; --security-opt of run adds to them"),
    *refused("--attest=", "no attestations are made"),
    *refused("--annotation=", "LABEL and --label describe an image"),
    *refused("--allow=", "RUN shares the host's network without it, and --security=insecure is not executed"),
    *refused("--builder=", "there is no other builder"),
    *refused("--call=", "--check lints; targets and outlines are not listed"),
    *refused("-D|--debug", "%config ContainerMagics.full_tracebacks=True shows everything"),
    *refused("--disable-content-trust", "there is no content trust; name a base image by its digest"),
    *refused("--policy= --detach --server-config= --root= --print= --invoke= --on=", "it is buildx's own experiment"),
    Option(names=("-f", "--file"), value="PATH", absent="the cell is the Dockerfile"),
)
