"""Debian's docker-registry on a loopback port, plain or with TLS and a password, for as long as a block runs."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER, PASSWORD = "baker", "yeast"

_CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {data}}}, delete: {{enabled: true}}}}
http:
  addr: {address}
  secret: of-the-test
{tls}{auth}"""


@dataclass(frozen=True)
class Server:
    """A registry that runs.

    Attributes:
        address: ``127.0.0.1:PORT``.
        ca: file of the certificate to trust, None for plain HTTP.
        data: where it keeps what it has.
    """

    address: str
    ca: Path | None
    data: Path


def is_installed():
    return all(shutil.which(program) for program in ("docker-registry", "htpasswd", "openssl"))


@contextmanager
def running(directory, *, secure=False):
    """A registry with an empty directory of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    address, tls, auth, ca = f"127.0.0.1:{_free_port()}", "", "", None
    if secure:
        ca = _certificate(directory)
        tls = f"  tls: {{certificate: {directory}/server.pem, key: {directory}/server.key}}\n"
        auth = f"auth: {{htpasswd: {{realm: test, path: {_passwords(directory)}}}}}\n"
    config = directory / "config.yml"
    config.write_text(_CONFIG.format(data=directory / "data", address=address, tls=tls, auth=auth))
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
    try:
        _wait_for(address, process)
        yield Server(address, ca, directory / "data")
    finally:
        process.kill()
        process.wait()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(address, process):
    host, port = address.split(":")
    for _ in range(300):
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            assert process.poll() is None, "the registry has ended"
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the registry does not listen")


def _passwords(directory):
    line = subprocess.run(["htpasswd", "-Bbn", USER, PASSWORD], capture_output=True, check=True).stdout
    (directory / "passwords").write_bytes(line)
    return directory / "passwords"


def _certificate(directory):
    """A certificate of an authority of our own for 127.0.0.1; returns the authority's."""

    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=directory)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    basic = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    openssl(
        "req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA", "-days", "2", *basic
    )
    openssl("req", *new_key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    (directory / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    signed_by = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", *signed_by)
    return directory / "ca.pem"
