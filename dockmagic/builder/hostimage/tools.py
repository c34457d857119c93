"""Which programs ``localhost/base`` has, by the Debian package that brings them."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from dockmagic.errors import NotFoundError

# Never the user's PATH: the image is the machine's, not the shell's that started the notebook.
DIRECTORIES = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """Programs of one Debian package.

    Attributes:
        name: as ``apt-get install`` takes it.
        required: without them there is no image.
        optional: taken where the machine has them.
    """

    name: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PACKAGES = (
    Package(name="dash", required=("sh",)),
    Package(
        name="coreutils",
        required=_words("""
            basename cat chgrp chmod chown cksum comm cp cut date dd df dirname du echo env expr false head id install ln
            ls md5sum mkdir mkfifo mknod mktemp mv nice nl nohup od paste printenv printf pwd readlink realpath rm rmdir seq
            sha256sum sleep sort split stat stty sync tail tee test timeout touch tr true truncate tty uname uniq wc whoami
            yes
        """),
        optional=_words("""
            [ arch b2sum base32 base64 basenc chroot csplit dir expand factor fmt fold groups hostid join link logname nproc
            numfmt pathchk pr ptx sha1sum sha224sum sha384sum sha512sum shred shuf sum tac tsort unexpand unlink users vdir
            who
        """),
    ),
    Package(name="grep", required=("grep",), optional=("egrep", "fgrep")),
    Package(name="sed", required=("sed",)),
    Package(name="mawk", required=("awk",)),
    Package(name="tar", required=("tar",)),
    Package(name="gzip", required=("gzip",), optional=("gunzip", "zcat")),
    Package(name="findutils", required=("find", "xargs")),
    Package(name="procps", required=("ps",), optional=("free", "kill", "pgrep", "pkill", "uptime")),
    Package(name="bash", optional=("bash",)),
    Package(name="debianutils", optional=("which",)),
    Package(name="diffutils", optional=("cmp", "diff")),
    Package(name="hostname", optional=("hostname",)),
)


def find(name: str) -> str:
    """The absolute path of a program of this machine, "" where there is none."""
    for directory in DIRECTORIES:
        path = f"{directory}/{name}"
        try:
            found = Path(path).stat()
        except OSError:
            continue
        if stat.S_ISREG(found.st_mode) and found.st_mode & 0o111:
            return path
    return ""


def programs() -> list[str]:
    """The absolute paths of all programs, in the order of the table.

    Raises:
        NotFoundError: one that is required is missing.
    """
    found: list[str] = []
    for package in PACKAGES:
        for name in package.required:
            path = find(name)
            if not path:
                raise missing(name, package.name)
            found.append(path)
        found += [path for name in package.optional if (path := find(name))]
    return found


def missing(name: str, package: str) -> NotFoundError:
    """The error of a program that is not there."""
    return NotFoundError(
        f"localhost/base is made of this machine's programs, and there is no {name}",
        hint=f"install it (Debian and Ubuntu: apt-get install {package}), or start from another image",
        detail=f"looked for in {', '.join(DIRECTORIES)}",
    )
