"""What several modules share: a base image with a real package manager, and a repository behind the loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SOURCES = [Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")]


@pytest.fixture(scope="session")
def minbase(tmp_path_factory):
    """The tar of a Debian minbase of this machine's release, from this machine's own package sources."""
    if shutil.which("mmdebstrap") is None:
        pytest.skip("mmdebstrap is not installed")
    if os.geteuid() != 0:
        pytest.skip("only root makes a Debian with device nodes and owners")
    sources = next((path for path in SOURCES if path.exists()), None)
    if sources is None:
        pytest.skip("this machine has no Debian package sources")
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    target = tmp_path_factory.mktemp("debian") / "minbase.tar"
    command = ["mmdebstrap", "--variant=minbase", "--quiet", release["VERSION_CODENAME"], str(target), str(sources)]
    subprocess.run(command, check=True, timeout=600)
    target.parent.chmod(0o755)
    target.parent.parent.chmod(0o711)
    return target


@pytest.fixture
def repository(tmp_path):
    """The URL of a repository behind the loopback, and its first commit; it lies in ``repos/r.git``."""
    work, bare = tmp_path / "work", tmp_path / "repos/r.git"
    git = partial(subprocess.run, check=True, capture_output=True, text=True)
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(tmp_path)}
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    git(["git", "init", "-q", "-b", "main", work], env=env)
    (work / "sub").mkdir()
    (work / "sub/f").write_text("one")
    (work / "run.sh").write_text("#!/bin/sh\n")
    (work / "run.sh").chmod(0o755)
    (work / "out").symlink_to("/etc/passwd")
    (work / ".dockerignore").write_text("*\n")
    git(["git", *author, "add", "."], cwd=work, env=env)
    git(["git", *author, "commit", "-q", "-m", "one"], cwd=work, env=env)
    git(["git", *author, "tag", "v1"], cwd=work, env=env)
    (work / "sub/f").write_text("two")
    git(["git", *author, "commit", "-q", "-a", "-m", "two"], cwd=work, env=env)
    git(["git", "clone", "-q", "--bare", work, bare], env=env)
    git(["git", "update-server-info"], cwd=bare, env=env)

    class Quiet(SimpleHTTPRequestHandler):
        def do_GET(self):
            """What is below /private/ is for who has the token ``sesame``."""
            if self.path.startswith("/private/"):
                if self.headers.get("Authorization") != "basic eC1hY2Nlc3MtdG9rZW46c2VzYW1l":
                    self.send_error(401)
                    return
                self.path = self.path.removeprefix("/private")
            super().do_GET()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "repos")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    first = git(["git", "rev-parse", "v1"], cwd=bare, env=env).stdout.strip()
    yield f"http://127.0.0.1:{server.server_port}/r.git", first
    server.shutdown()
    thread.join()
    server.server_close()
