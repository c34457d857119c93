"""ADD of a URL: the file behind it, as Docker adds it: mode 0600, not extracted unless that is asked for."""

from __future__ import annotations

import base64
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit, urlunsplit

from dockmagic.builder.archives import Archive
from dockmagic.builder.remotes import Url
from dockmagic.builder.selection import Item, Selection
from dockmagic.errors import NotFoundError, UsageError
from dockmagic.layers.arrivals import is_archive
from dockmagic.layers.compression import Decompressed
from dockmagic.layers.tar_reader import TarReader
from dockmagic.oci import digest as digests
from dockmagic.oci.changeset import Entry

_MODE = 0o600
_CHUNK = 1 << 20
_LIMIT = 16 << 30
_TIMEOUT = 60.0
_GONE = (404, 410)


@dataclass(frozen=True, slots=True)
class _File:
    """The bytes of a fetched file."""

    path: Path

    def chunks(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while data := file.read(_CHUNK):
                yield data


def download(remote: Url, directory: Path, authorization: str = "") -> Path:
    """The file behind a URL as a file in a directory.

    Args:
        remote: what to fetch.
        directory: an empty directory.
        authorization: what the URL's host is told of who asks, "" for what the URL says.

    Raises:
        NotFoundError: the server has no such file.
        UsageError: it cannot be fetched.
    """
    return _downloaded(remote, directory, authorization)[0]


def modified(remote: Url, directory: Path, checksum: str, authorization: str = "") -> int | None:
    """When a file was changed last, in seconds since 1970: as its server says, else as the newest file in it if it is an archive.

    None where neither tells; arguments and errors as of :func:`fetch`.
    """
    path, told = _downloaded(remote, directory, authorization)
    _check(_File(path), checksum)
    if told is not None:
        return told
    with path.open("rb") as file:
        if not is_archive(file):
            return None
        file.seek(0)
        return max((entry.mtime for entry in TarReader(Decompressed(file)) if entry.type == "file"), default=None)


def _downloaded(remote: Url, directory: Path, authorization: str) -> tuple[Path, int | None]:
    """The file, and what the server says of its date."""
    path = directory / "file"
    try:
        told = _download(remote.url, path, authorization)
    except urllib.error.HTTPError as error:
        error.close()
        kind = NotFoundError if error.code in _GONE else UsageError
        raise kind(f"ADD: the server answers {error.code} {error.reason}: {_divided(remote.url)[0]}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        hint = "is the name right, and can this machine reach the network?"
        raise UsageError(f"ADD: cannot be fetched: {_divided(remote.url)[0]}", hint=hint, detail=str(error)) from error
    return path, told


def fetch(remote: Url, directory: Path, checksum: str, *, unpack: bool, authorization: str = "") -> Selection | Archive:
    """Fetch a file.

    Its time is not kept: every timestamp of a layer is the build's.

    Args:
        remote: what to fetch.
        directory: an empty directory that lives as long as what is returned.
        checksum: the digest that it must have, "" for any.
        unpack: it is an archive whose content is wanted.
        authorization: as for :func:`download`.

    Raises:
        NotFoundError: the server has no such file.
        UsageError: it cannot be fetched, or has another digest.
    """
    path = download(remote, directory, authorization)
    content = _File(path)
    _check(content, checksum)
    if unpack:
        with path.open("rb") as file:
            if is_archive(file):
                return Archive(content=content)
    size = path.stat().st_size
    entry = Entry(path=remote.name, type="file", mode=_MODE, size=size)
    sha256 = digests.encoded(digests.of_chunks(content.chunks()))
    return Selection([Item(entry=entry, content=content, sha256=sha256)], single_file=True)


def _opener() -> urllib.request.OpenerDirector:
    """Only http and https, also behind redirections; proxies as the environment says."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.UnknownHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    opener.addheaders = [("User-Agent", "dockmagic"), ("Accept-Encoding", "identity")]
    return opener


def _divided(url: str) -> tuple[str, str]:
    """The URL without a name and password before its host, and these as the server wants them."""
    parts = urlsplit(url)
    account, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, ""
    return urlunsplit(parts._replace(netloc=host)), base64.b64encode(unquote_to_bytes(account)).decode("ascii")


def _download(url: str, path: Path, authorization: str) -> int | None:
    plain, account = _divided(url)
    request = urllib.request.Request(plain)  # noqa: S310 - the opener speaks http and https alone
    authorization = authorization or (f"Basic {account}" if account else "")
    if authorization:
        # not for the host that a redirection leads to
        request.add_unredirected_header("Authorization", authorization)
    with _opener().open(request, timeout=_TIMEOUT) as answer, path.open("wb") as file:
        declared = answer.headers.get("Content-Length")
        while data := answer.read(_CHUNK):
            file.write(data)
            if file.tell() > _LIMIT:
                raise OSError(f"larger than {_LIMIT >> 30} GiB")
        if declared is not None and file.tell() != int(declared):
            raise OSError("the connection ended too early")
        os.fsync(file.fileno())
        date = answer.headers.get("Last-Modified")
    with suppress(ValueError):
        return int(parsedate_to_datetime(date).timestamp()) if date else None
    return None


def _check(content: _File, checksum: str) -> None:
    if not checksum:
        return
    got = digests.of_chunks(content.chunks(), algorithm=checksum.partition(":")[0])
    if got != checksum:
        raise UsageError("ADD: the file's digest is not its --checksum", detail=f"digest mismatch {got}: {checksum}")
