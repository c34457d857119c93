"""A process with a mount namespace of its own that works on real overlays; as a script it answers JSON lines.

A request names directories relative to the working directory; the answer is how the merged tree stands:
path to [kind, mode, owner, content or target, first name of the same file].
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

WORDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "link", stat.S_IFIFO: "fifo"}
OWNER = "user.dockmagic.owner"


class Overlay:
    """The process."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        command = ["unshare", "-m", sys.executable, __file__]
        self._process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request) -> dict[str, list]:
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert isinstance(answer, dict), answer
        return answer

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


def work(path: Path, op: list, *, single: bool) -> None:
    """One change of a tree; what cannot be done, or would lead through a link, is not."""
    verb, name, *rest = op
    target = path / name
    if any(parent.is_symlink() for parent in [*target.parents][: name.count("/")]):
        return
    with suppress(OSError, shutil.Error):
        if verb in {"chmod", "chown"}:
            _change(verb, target, rest[0], single=single)
        else:
            _make(verb, path, target, *rest)


def _make(verb: str, path: Path, target: Path, other: str = "") -> None:
    match verb:
        case "write":
            # neither through a link nor into a pipe
            file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK)
            os.write(file, other.encode())
            os.close(file)
        case "mkdir":
            target.mkdir()
        case "remove":
            shutil.rmtree(target) if target.is_dir() and not target.is_symlink() else target.unlink()
        case "rename":
            if not any(p.is_symlink() for p in [path / other, *(path / other).parents][: other.count("/") + 1]):
                shutil.move(target, path / other)
        case "symlink":
            target.symlink_to(other)
        case "link":
            os.link(path / other, target, follow_symlinks=False)
        case "fifo":
            os.mkfifo(target)


def _change(verb: str, target: Path, value: list[int] | int, *, single: bool) -> None:
    if verb == "chmod":
        if not target.is_symlink():
            target.chmod(value)
    elif single:
        os.setxattr(target, OWNER, b"%d:%d" % tuple(value), follow_symlinks=False)
    else:
        os.chown(target, *value, follow_symlinks=False)


def standing(root: Path, *, single: bool) -> dict[str, list]:
    found: dict[str, list] = {}
    names: dict[tuple[int, int], str] = {}
    for path in sorted(root.rglob("*"), key=lambda p: str(p.relative_to(root))):
        status = path.lstat()
        name = str(path.relative_to(root))
        kind = WORDS[stat.S_IFMT(status.st_mode)]
        content = path.read_text() if kind == "file" else str(path.readlink()) if kind == "link" else ""
        mode = 0o777 if kind == "link" else stat.S_IMODE(status.st_mode)
        # of other kinds overlayfs does not show which names are one file's
        first = "" if kind != "file" else names.setdefault((status.st_dev, status.st_ino), name)
        found[name] = [kind, mode, owner_of(path, status, single=single), content, first]
    return found


def owner_of(path: Path, status: os.stat_result, *, single: bool) -> str:
    if not single:
        return f"{status.st_uid}:{status.st_gid}"
    if OWNER not in os.listxattr(path, follow_symlinks=False):
        return "0:0"
    return os.getxattr(path, OWNER, follow_symlinks=False).decode()


def answer(request: dict) -> dict[str, list]:
    root, single = Path(request["merged"]), request["single"]
    root.mkdir(parents=True, exist_ok=True)
    options = "userxattr,lowerdir=" + ":".join(request["lowers"])
    if request.get("upper"):
        for name in (request["upper"], request["upper"] + ".work"):
            Path(name).mkdir(parents=True)
        options += f",upperdir={request['upper']},workdir={request['upper']}.work"
    if request["lowers"]:
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, root], check=True)
    for op in request.get("ops", ()):
        work(root, op, single=single)
    found = standing(root, single=single)
    if request["lowers"]:
        subprocess.run(["umount", root], check=True)
    return found


def main() -> None:
    os.umask(0o022)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
