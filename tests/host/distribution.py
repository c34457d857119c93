"""Another release of Debian as a root file system, to run the notebooks with its tools and its Python::

    python tests/host/distribution.py make DIRECTORY [SUITE]      # once: trixie, 230 MB and the packages from the index
    python tests/host/distribution.py run DIRECTORY USER COMMAND...    # root, or a number without a name or a range of ids

Wants root, mmdebstrap and a mirror that has the suite. Every ``run`` first installs the working tree there, and starts the command in a copy of the
notebooks and their ``conftest.py``, ``/tmp/project``, where the package is the installed one. ``/`` is the directory, ``/tmp`` is empty and in memory::

    python tests/host/distribution.py run DIRECTORY 1000 python -m pytest --nbval -q -p no:cacheprovider -c /dev/null notebooks
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = "python3,python3-venv,ca-certificates,procps,gawk,uidmap,proot"
# What a notebook runs with, and what builds the package.
TOOLS = ("ipykernel", "nbclient", "nbformat", "nbval", "pytest", "hatchling")
PARTS = ("dockmagic", "docs", "notebooks", "pyproject.toml", "README.md", "LICENSE")
ENTER = """
mount --bind "$ROOT" "$ROOT"
cd "$ROOT"
mount -t proc proc proc
mount --rbind /dev dev
mount --rbind /sys sys
mount -t tmpfs -o mode=1777 tmp tmp
mkdir -p .before
pivot_root . .before
cd /
umount -l /.before
mkdir -m 777 /tmp/home
cp -r /srv/project /tmp/project && rm -r /tmp/project/dockmagic
[ "$ID" = root ] || chown -R "$ID" /tmp/project
cd /tmp/project
[ "$ID" = root ] || exec setpriv --reuid "$ID" --regid "$ID" --clear-groups "$@"
exec "$@"
"""


def make(top: Path, suite: str = "trixie") -> None:
    """Install the release, and from the index what notebooks need."""
    subprocess.run(["mmdebstrap", "--variant=minbase", "--quiet", f"--include={PACKAGES}", suite, str(top)], check=True)
    for path in ("/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt"):
        shutil.copy(path, top / path.lstrip("/"))
    install(top, "python3", "-m", "venv", "/opt/venv")
    install(top, "/opt/venv/bin/pip", "install", "--quiet", "--no-cache-dir", *TOOLS)


def install(top: Path, *words: str) -> None:
    """Run a command there with the network and as root."""
    environment = {name: value for name, value in os.environ.items() if name != "PIP_FIND_LINKS"}
    subprocess.run(["chroot", str(top), *words], env=environment, check=True)


def run(top: Path, user: str, *words: str) -> int:
    """Bring the working tree there, and run a command with it as a user; its exit code."""
    project = top / "srv" / "project"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir(parents=True)
    for name in PARTS:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, project / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, project / name)
    install(
        top, "/opt/venv/bin/pip", "install", "--quiet", "--no-build-isolation", "--force-reinstall", "--no-deps",
        "/srv/project",
    )  # fmt: skip
    install(top, "/opt/venv/bin/pip", "install", "--quiet", "--no-build-isolation", "/srv/project")
    environment = {
        "ROOT": str(top),
        "ID": user,
        "HOME": "/tmp/home",
        "LANG": "C.UTF-8",
        "PATH": "/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    apart = ["unshare", "--mount", "--pid", "--fork", "--propagation", "private"]
    return subprocess.run([*apart, "sh", "-ec", ENTER, "sh", *words], env=environment, check=False).returncode


def main(words: list[str]) -> int:
    """What the words ask for."""
    match words:
        case ["make", top, *suite]:
            make(Path(top).resolve(), *suite[:1])
            return 0
        case ["run", top, user, first, *rest]:
            return run(Path(top).resolve(), user, first, *rest)
        case _:
            sys.stderr.write(__doc__ or "")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
