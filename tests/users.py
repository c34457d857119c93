"""Test users that exist only in a mount namespace of the test's own: the machine's files are not edited.

``root`` is who runs the tests; ``stud`` has subordinate ids, ``nosub`` has none. Only root can become another user.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
# Seconds that a command may take on a machine that is busy with other work.
PATIENCE = 600
KINDS = ("root", "stud", "nosub")
UIDS = {"root": 0, "stud": 1001, "nosub": 1002, "nested": 1001}
# Root of the user namespace that stud has with his subordinate ids, as in a container of rootless podman.
NESTED = "nested"


@dataclass(frozen=True)
class User:
    """One of the kinds, with a directory of its own to write in; ``tun``: whether everybody may open /dev/net/tun, None as it is."""

    kind: str
    home: Path
    tun: bool | None = None

    def run(self, *argv: str, timeout: float = PATIENCE, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command as this user; stdin is empty."""
        return subprocess.run(
            self.command(argv, env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def popen(self, *argv: str, **env: str) -> subprocess.Popen[str]:
        """Start a command as this user."""
        return subprocess.Popen(
            self.command(argv, env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def python(
        self, script: str, *argv: str, timeout: float = PATIENCE, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a Python script with this environment's interpreter and packages."""
        return self.run(sys.executable, "-c", script, *argv, timeout=timeout, **env)

    def command(self, argv: tuple[str, ...], env: dict[str, str]) -> list[str]:
        """The whole command line, namespaces and all."""
        variables = {
            "HOME": str(self.home),
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONPATH": str(REPOSITORY),
            "DOCKMAGIC_HOME": str(self.home / "store"),
            "LANG": "C.UTF-8",
            **env,
        }
        words = ["env", "-i", *(f"{k}={v}" for k, v in variables.items()), *argv]
        if self.kind == "root":
            return words
        uid = str(UIDS[self.kind])
        if self.kind == NESTED:
            words = ["unshare", "--user", "--mount", "--map-root-user", "--map-auto", *words]
        become = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *words]
        return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", self._script(become)]

    def _script(self, become: list[str]) -> str:
        files = self.home.parent / f"{self.kind}.etc"
        lines = [f"mount --bind {files}/{name} /etc/{name}" for name in ("passwd", "group", "subuid", "subgid")]
        if self.tun is not None:
            mode = "666" if self.tun else "600"
            lines += ["mount -t tmpfs -o mode=755 tmpfs /dev/net", f"mknod -m {mode} /dev/net/tun c 10 200"]
        return "\n".join([*lines, *_exposed(self.home.parent / f"{self.kind}.mnt"), f"exec {shlex.join(become)}"])


def make_user(kind: str, directory: Path, *, tun: bool | None = None) -> User:
    """Prepare ``kind`` below ``directory``; skips where this process cannot become another user."""
    if kind != "root" and os.geteuid() != 0:
        pytest.skip("only root can become a test user")
    home = directory / kind
    home.mkdir(parents=True)
    if kind != "root":
        files = directory / f"{kind}.etc"
        files.mkdir()
        names = [(k, UIDS[k]) for k in ("stud", "nosub")]
        passwd = "".join(f"{n}:x:{u}:{u}::{directory / n}:/bin/sh\n" for n, u in names)
        (files / "passwd").write_text(Path("/etc/passwd").read_text() + passwd)
        (files / "group").write_text(Path("/etc/group").read_text() + "".join(f"{n}:x:{u}:\n" for n, u in names))
        for name in ("subuid", "subgid"):
            (files / name).write_text("stud:200000:65536\n")
        os.chown(home, UIDS[kind], UIDS[kind])
        for parent in (directory, *directory.parents):
            if parent.stat().st_uid == os.geteuid() and parent != Path("/") and not parent.stat().st_mode & 0o001:
                if parent != directory and "pytest" not in parent.name:
                    break
                parent.chmod(0o711)
    return User(kind, home, tun)


def _exposed(scratch: Path) -> list[str]:
    """Shell lines that make the interpreter and the repository reachable for another user, in this namespace only."""
    lines = []
    hidden: dict[Path, list[Path]] = {}
    for path in {Path(sys.base_prefix).resolve(), Path(sys.prefix), REPOSITORY}:
        closed = [p for p in reversed(path.parents) if not p.stat().st_mode & 0o001]
        if closed:
            hidden.setdefault(closed[0], []).append(path)
    for number, (top, paths) in enumerate(hidden.items()):
        for index, path in enumerate(paths):
            lines += [f"mkdir -p {scratch}/{number}.{index}", f"mount --bind {path} {scratch}/{number}.{index}"]
        lines.append(f"mount -t tmpfs -o mode=755 tmpfs {top}")
        for index, path in enumerate(paths):
            lines += [f"mkdir -p {path}", f"mount --move {scratch}/{number}.{index} {path}"]
    return lines
