"""Sending a blob: an upload session of the distribution specification, in chunks, resumed where it broke off."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import BinaryIO

from dockmagic.errors import NotFoundError, RegistryError
from dockmagic.oci.descriptor import Descriptor
from dockmagic.registry import redirect, retry
from dockmagic.registry.client import Call, Client
from dockmagic.registry.endpoint import with_digest
from dockmagic.registry.transport import Answer, BrokenOffError

_OCTETS = "application/octet-stream"
_CREATED, _ACCEPTED, _NO_CONTENT, _BAD_RANGE = 201, 202, 204, 416
_RANGE = re.compile(r"(?:bytes=)?0-(\d+)")
# Pauses and attempts are counted anew when a chunk has gone through.
_RESUMED = retry.RETRIED | {_BAD_RANGE}


class Upload:
    """One blob on its way into a repository.

    Args:
        client: the registry.
        scopes: what the token must allow.
        described: the blob: its digest and size.
        source: opens its bytes; the file is seekable.
        told: gets the count of bytes so far.
        chunk: bytes of one request at most.
    """

    def __init__(
        self,
        client: Client,
        scopes: tuple[str, ...],
        described: Descriptor,
        source: Callable[[], BinaryIO],
        told: Callable[[int], object],
        *,
        chunk: int,
    ) -> None:
        self._client = client
        self._scopes = scopes
        self._described = described
        self._source = source
        self._told = told
        self._chunk = chunk
        self._start = ""
        self._url = ""
        self._offset = 0

    @property
    def is_begun(self) -> bool:
        """A session is open."""
        return bool(self._url)

    def begin(self, url: str, scopes: tuple[str, ...] = ()) -> bool:
        """Open a session; True when the blob is there already, because it was mounted.

        Args:
            url: where uploads begin; with ``mount`` and ``from`` to ask for the blob of another repository.
            scopes: what the token for this must allow, where that is more than for the rest.
        """
        self._start = url.partition("?")[0]
        call = Call(
            method="POST", url=url, headers={"Content-Length": "0"}, scopes=scopes or self._scopes, limit=_LIMIT
        )
        answer = self._client.send(call, (_CREATED, _ACCEPTED))
        if answer.status == _CREATED:
            return True
        self._take_place(answer)
        least = answer.header("OCI-Chunk-Min-Length").strip()
        if least.isascii() and least.isdigit():
            self._chunk = max(self._chunk, int(least[:15]))
        return False

    def run(self) -> None:
        """Send everything, and end the session with the digest.

        Raises:
            RegistryError: it cannot be sent, also not after some attempts.
        """
        failures = 0
        with self._source() as file:
            while True:
                try:
                    if self._offset < self._described.size:
                        self._send_chunk(file)
                    else:
                        self._finish()
                        return
                    failures = 0
                except RegistryError as error:
                    failures += 1
                    self._recover(error, failures)

    def _send_chunk(self, file: BinaryIO) -> None:
        size = min(self._chunk, self._described.size - self._offset)
        call = Call(
            method="PATCH",
            url=self._url,
            headers={
                "Content-Type": _OCTETS,
                "Content-Length": str(size),
                "Content-Range": f"{self._offset}-{self._offset + size - 1}",
            },
            scopes=self._scopes,
            body=lambda: _Window(file, self._offset, size, self._told, self._client.transport.require_running),
            repeatable=False,
            limit=_LIMIT,
        )
        answer = self._client.send(call, (_ACCEPTED, _CREATED, _NO_CONTENT))
        self._take_place(answer)
        found = _RANGE.fullmatch(answer.header("Range").strip())
        taken = int(found.group(1)) + 1 if found else self._offset + size
        # A registry may take less than it was sent, and never more.
        if not self._offset < taken <= self._offset + size:
            raise RegistryError("a registry has taken another part of a blob than it was sent")
        self._offset = taken

    def _finish(self) -> None:
        call = Call(
            method="PUT",
            url=with_digest(self._url, self._described.digest),
            headers={"Content-Length": "0", "Content-Type": _OCTETS},
            scopes=self._scopes,
            repeatable=False,
            limit=_LIMIT,
        )
        self._client.send(call, (_CREATED, _NO_CONTENT, _ACCEPTED))

    def _recover(self, error: RegistryError, failures: int) -> None:
        """After a failure, wait and find out what the registry has; raise the error where nothing can be done."""
        transport = self._client.transport
        seconds = retry.pause(self._client.policy, failures)
        if (
            seconds is None
            or transport.is_stopped
            or not (isinstance(error, BrokenOffError) or error.status in _RESUMED)
        ):
            raise error
        transport.wait(seconds)
        try:
            answer = self._client.send(
                Call(method="GET", url=self._url, scopes=self._scopes, limit=_LIMIT), (_NO_CONTENT, 200)
            )
        except (NotFoundError, RegistryError):
            # The session is gone or cannot be asked about: from the first byte in a new one.
            self.begin(self._start)
            self._offset = 0
            return
        found = _RANGE.fullmatch(answer.header("Range").strip())
        self._offset = min(int(found.group(1)) + 1 if found else 0, self._described.size)
        # "0-0" is both one byte and none: what it means is never worth more than a byte.
        if self._offset == 1:
            self.begin(self._start)
            self._offset = 0
            return
        if answer.header("Location"):
            self._take_place(answer)

    def _take_place(self, answer: Answer) -> None:
        location = answer.header("Location")
        if not location:
            raise RegistryError("a registry does not say where an upload goes on")
        endpoint = self._client.endpoint
        self._url = redirect.target(endpoint.origin, answer.url, location, endpoint.redirect_hosts)


_LIMIT = 1 << 16


class _Window:
    """A part of a file, for a request's body; counts what goes out."""

    def __init__(
        self, file: BinaryIO, offset: int, size: int, told: Callable[[int], object], check: Callable[[], object]
    ) -> None:
        file.seek(offset)
        self._file = file
        self._offset = offset
        self._left = size
        self._told = told
        self._check = check

    def read(self, size: int = -1, /) -> bytes:
        self._check()
        data = self._file.read(min(size, self._left) if size >= 0 else self._left)
        self._left -= len(data)
        self._offset += len(data)
        if data:
            self._told(self._offset)
        return data
