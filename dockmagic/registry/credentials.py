"""Whom we are to a registry: our own file of ``login``, docker's ``config.json``, and docker's credential helpers.

docker's file is only read. Our own has docker's form, mode 0600, and is replaced as a whole.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import secrets
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dockmagic.errors import RegistryError, UsageError
from dockmagic.registry.endpoint import HUB
from dockmagic.registry.token import Credential

FILE_NAME = "auth.json"
_LIMIT = 1 << 20
_HUB_KEY = "https://index.docker.io/v1/"
_HUB_NAMES = frozenset({HUB, "index.docker.io", "registry-1.docker.io"})
_HELPER = re.compile(r"[A-Za-z0-9_-]+")
_HELPER_SECONDS = 60
_IDENTITY_USER = "<token>"


def docker_config() -> Path:
    """``$DOCKER_CONFIG/config.json``, else ``~/.docker/config.json``."""
    named = os.environ.get("DOCKER_CONFIG")
    return (Path(named) if named else Path.home() / ".docker") / "config.json"


class Keychain:
    """Credentials by registry.

    Args:
        own: the file that ``login`` writes.
        docker: docker's file.
    """

    def __init__(self, own: Path, docker: Path) -> None:
        self._own = own
        self._docker = docker

    def find(self, name: str) -> Credential | None:
        """The credentials for a registry, None for nobody.

        Args:
            name: its domain as in an image's name.

        Raises:
            UsageError: a file cannot be read, or names a helper that is none.
            RegistryError: a helper fails.
        """
        found = _entry(_read(self._own), name)
        if found is not None:
            return found
        docker = _read(self._docker)
        helper = _helper(docker, name)
        return _ask(helper, name) if helper else _entry(docker, name)

    def store(self, name: str, credential: Credential) -> str:
        """Keep credentials: with the helper that docker's file names for the registry, else in our own file.

        Returns:
            Where they are: the helper's name, or "" for the file.
        """
        helper = _helper(_read(self._docker), name)
        if helper and shutil.which(_program(helper)):
            secret = {"ServerURL": _key(name), "Username": credential.username, "Secret": credential.password}
            _run(helper, "store", json.dumps(secret))
            return helper
        document = self._without(name)
        auth = base64.b64encode(f"{credential.username}:{credential.password}".encode()).decode()
        document["auths"] = {**document["auths"], _key(name): {"auth": auth}}
        _write(self._own, document)
        return ""

    def erase(self, name: str) -> bool:
        """Forget credentials that ``login`` kept; False where there were none. docker's own file stays as it is."""
        own, helper = _read(self._own), _helper(_read(self._docker), name)
        known = _entry(own, name) is not None
        if known:
            _write(self._own, self._without(name))
        if helper and shutil.which(_program(helper)) and _ask(helper, name) is not None:
            _run(helper, "erase", _key(name))
            known = True
        return known

    def _without(self, name: str) -> dict[str, Any]:
        document = dict(_read(self._own))
        auths = document.get("auths")
        kept = auths if isinstance(auths, dict) else {}
        document["auths"] = {key: value for key, value in kept.items() if _domain(key) != _domain(name)}
        return document


def _key(name: str) -> str:
    """The registry's key in docker's files, and its name for helpers."""
    return _HUB_KEY if name in _HUB_NAMES else name


def _domain(key: str) -> str:
    """The registry that a key means; old files have URLs."""
    bare = re.sub(r"^https?://", "", key).partition("/")[0]
    return HUB if bare in _HUB_NAMES else bare


def _read(path: Path) -> Mapping[str, Any]:
    """A file of docker's form; an empty one where there is none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise _unreadable(path, error.strerror or "") from None
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise _unreadable(path, "it is no file")
        content = file.read(_LIMIT)
    try:
        found = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _unreadable(path, "it is no JSON object")
    return found


def _unreadable(path: Path, why: str) -> UsageError:
    return UsageError(f"the file of registries' passwords cannot be read: {path.name}", hint=why, detail=str(path))


def _write(path: Path, document: Mapping[str, Any]) -> None:
    aside = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2, sort_keys=True)
            file.flush()
            os.fsync(fd)
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        hint = "set DOCKMAGIC_CONFIG to a directory that you can write"
        raise UsageError("the password cannot be kept", hint=hint, detail=f"{path}: {error.strerror}") from None


def _entry(document: Mapping[str, Any], name: str) -> Credential | None:
    auths = document.get("auths")
    for key, value in auths.items() if isinstance(auths, dict) else ():
        if isinstance(value, dict) and _domain(key) == _domain(name):
            found = _credential(value)
            if found is not None:
                return found
    return None


def _credential(entry: Mapping[str, Any]) -> Credential | None:
    username, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if isinstance(entry.get("auth"), str) and entry["auth"]:
        try:
            decoded = base64.b64decode(entry["auth"], validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return None
        username, _, password = decoded.partition(":")
        password = password.strip("\0")
    identity = str(entry.get("identitytoken") or "")
    if not identity and not username:
        return None
    return Credential(username=username, password=password, identity=identity)


def _helper(document: Mapping[str, Any], name: str) -> str:
    """The helper for a registry, "" for none.

    Raises:
        UsageError: its name is more than a name (it becomes a program's).
    """
    helpers = document.get("credHelpers")
    own = [v for k, v in helpers.items() if _domain(k) == _domain(name)] if isinstance(helpers, dict) else []
    found = own[0] if own else document.get("credsStore") or ""
    if found and (not isinstance(found, str) or not _HELPER.fullmatch(found)):
        raise UsageError("docker's config.json names a credential helper that is none", detail=repr(found)[:200])
    return str(found)


def _program(helper: str) -> str:
    return f"docker-credential-{helper}"


def _ask(helper: str, name: str) -> Credential | None:
    """What a helper has; nothing where it is not installed, as on a server to which a desktop's file was copied."""
    if shutil.which(_program(helper)) is None:
        return None
    answer = _run(helper, "get", _key(name))
    if answer is None:
        return None
    try:
        found = json.loads(answer)
        username, secret = str(found["Username"]), str(found["Secret"])
    except (ValueError, KeyError, TypeError):
        raise _failed(helper, "its answer is not of the protocol") from None
    if username == _IDENTITY_USER:
        return Credential(identity=secret)
    return Credential(username=username, password=secret)


def _run(helper: str, verb: str, words: str) -> bytes | None:
    """A helper's answer, None where it has no such credentials; docker-credential-helpers' protocol."""
    program = shutil.which(_program(helper))
    if program is None:
        raise _failed(helper, "it is not installed")
    try:
        done = subprocess.run(
            [program, verb], input=words.encode(), capture_output=True, timeout=_HELPER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(helper, type(error).__name__) from None
    if done.returncode == 0:
        return done.stdout
    if b"credentials not found" in done.stdout + done.stderr:
        return None
    raise _failed(helper, f"exit code {done.returncode}")


def _failed(helper: str, why: str) -> RegistryError:
    # Neither its output nor what it was given is shown: either may hold the secret.
    return RegistryError(f"the credential helper {_program(helper)} failed", hint=f"try it in a terminal: {why}")
