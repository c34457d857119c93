"""A runtime on a small root file system of busybox, for tests of the sandbox; works for every kind of user."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from dockmagic.sandbox.runtime import open_runtime
from dockmagic.sandbox.spec import Exit, Spec

BUSYBOX = "/usr/bin/busybox"
# Seconds that something which happens at once may take on a machine that is busy with other work.
PATIENCE = 120


@dataclass(frozen=True)
class Done:
    end: Exit
    output: str

    def json(self):
        return json.loads(self.output)


class Box:
    """Starts containers whose image is one layer of busybox, with a user bob."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(mode=0o700, exist_ok=True)
        self.runtime = open_runtime(home / "roots")
        self.root = home / "roots" / self.runtime.scheme
        self._number = 0
        self.layer("base", self._busybox)

    def close(self) -> None:
        self.runtime.close()

    def layer(self, name: str, fill) -> str:
        """A layer that ``fill(directory)`` makes, owned by root of the container."""
        top = self.root / "snapshots" / name
        top.mkdir()
        fill(top)
        self.own(top)
        return f"snapshots/{name}"

    def own(self, top: Path) -> None:
        owner = self.root.stat()
        for path in [top, *top.rglob("*")]:
            os.lchown(path, owner.st_uid, owner.st_gid)

    def spec(self, *argv: str, **options) -> Spec:
        self._number += 1
        top = self.root / "containers" / f"c{self._number}"
        for directory in (top, top / "upper", top / "work"):
            directory.mkdir()
        self.own(top)
        below = f"containers/c{self._number}"
        settings = {"lowers": ("snapshots/base",), "env": (("PATH", "/bin"),), **options}
        return Spec(upper=f"{below}/upper", work=f"{below}/work", argv=argv, **settings)

    def start(self, spec: Spec, output: int, stdin: int | None = None):
        null = os.open(os.devnull, os.O_RDONLY)
        try:
            return self.runtime.start(spec, stdin=null if stdin is None else stdin, stdout=output, stderr=output)
        finally:
            os.close(null)

    def run(self, *argv: str, **options) -> Done:
        return self.finish(self.spec(*argv, **options))

    def finish(self, spec: Spec, starter=None) -> Done:
        read, write = os.pipe()
        try:
            process = (starter or self.start)(spec, write)
        except BaseException:
            os.close(read)
            raise
        finally:
            os.close(write)
        with os.fdopen(read, "rb") as pipe:
            output = pipe.read().decode()
        end = process.wait(PATIENCE)
        process.close()
        assert end is not None
        return Done(end, output)

    def sh(self, script: str, **options) -> Done:
        return self.run("sh", "-c", script, **options)

    def begin(self, script: str, **options):
        """A shell in the background and the file that it prints to; returns when it has printed a line."""
        read, write = os.pipe()
        process = self.start(self.spec("sh", "-c", script, **options), write)
        os.close(write)
        pipe = os.fdopen(read, encoding="utf-8")
        return process, pipe

    def join(self, process, *argv: str, **options) -> Done:
        spec = dataclasses.replace(self.spec(*argv), **options)

        def start(spec: Spec, output: int):
            null = os.open(os.devnull, os.O_RDONLY)
            try:
                return self.runtime.join(process.pid, process.birth, spec, stdin=null, stdout=output, stderr=output)
            finally:
                os.close(null)

        return self.finish(spec, start)

    def upper(self) -> Path:
        """The writable layer of the last container."""
        return self.root / "containers" / f"c{self._number}" / "upper"

    @staticmethod
    def _busybox(top: Path) -> None:
        for name in ("bin", "etc", "tmp", "home/bob"):
            (top / name).mkdir(parents=True)
        shutil.copy(BUSYBOX, top / "bin/busybox")
        for name in subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split():
            if name != "busybox":
                (top / "bin" / name).symlink_to("busybox")
        (top / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/sh\n")
        (top / "etc/group").write_text("root:x:0:\nbob:x:1000:\nextra:x:50:bob\n")


def main(home: str, script: str) -> None:
    """Run a Python script with a ``box``; what it puts into ``result`` is printed as JSON."""
    names = {"box": Box(Path(home)), "result": {}, "os": os, "Path": Path}
    exec(compile(script, "script", "exec"), names)
    json.dump(names["result"], sys.stdout)
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
