"""A blob as a stream that goes on where it broke off; RFC 9110, section 14 (ranges)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from dockmagic.errors import ArchiveError, NotFoundError, RegistryError
from dockmagic.oci.descriptor import Descriptor
from dockmagic.registry import redirect, retry
from dockmagic.registry.client import Call, Client
from dockmagic.registry.transport import Answer, BrokenOffError

_CHUNK = 1 << 20
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_WHOLE, _PART = 200, 206
# Bytes that a server gives in each time-out at least; a connection that is slower counts as broken.
_LEAST = 4096
# What an attempt has brought that counts as none that failed.
_PROGRESS = 1 << 20


class BlobStream:
    """The bytes of a blob, as a registry sends them; who reads verifies them.

    Args:
        client: the registry.
        call: the request for the blob.
        described: what is wanted; no byte more than its size is read.
        told: gets the count of bytes so far.
    """

    def __init__(self, client: Client, call: Call, described: Descriptor, told: Callable[[int], object]) -> None:
        self._client = client
        self._call = call
        self._described = described
        self._told = told
        self._offset = 0
        self._answer: Answer | None = None
        self._attempt = 0
        self._since = 0
        self._clock = (0.0, 0)

    def read(self, size: int, /) -> bytes:
        """Some bytes, at most ``size``; b"" at the end.

        Raises:
            ArchiveError: the registry has something of another length.
            RegistryError: it cannot be had, also not after some attempts.
        """
        while self._offset < self._described.size:
            data = self._part(min(size, _CHUNK, self._described.size - self._offset))
            if data:
                self._offset += len(data)
                self._told(self._offset)
                return data
        self.close()
        return b""

    def close(self) -> None:
        """Take no more of it."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def _part(self, size: int) -> bytes:
        """The next bytes, b"" after a failure that is not the last."""
        answer = self._answer or self._opened()
        try:
            if self._answer is None:
                self._answer = answer
                self._skip(answer)
                self._clock = (time.monotonic(), self._offset)
            data = answer.read1(size)
            self._require_speed(len(data))
        except BrokenOffError as error:
            self._retry(error)
            return b""
        return data

    def _require_speed(self, count: int) -> None:
        """Take an end before the end, and next to nothing, as a connection that broke."""
        if not count:
            raise BrokenOffError("the registry ended a blob before its end", hint="try again")
        begin, offset = self._clock
        now = time.monotonic()
        if now - begin > self._client.transport.timeout:
            if self._offset + count - offset < _LEAST:
                raise BrokenOffError("the registry sends next to nothing", hint="try again later")
            self._clock = (now, self._offset)

    def _retry(self, error: BrokenOffError) -> None:
        """Wait before the next attempt; raise the error where there is none."""
        self.close()
        self._attempt = 1 if self._offset - self._since >= _PROGRESS else self._attempt + 1
        self._since = self._offset
        seconds = retry.pause(self._client.policy, self._attempt)
        if seconds is None or self._client.transport.is_stopped:
            raise error
        self._client.transport.wait(seconds)

    def _opened(self) -> Answer:
        """An answer that begins at the byte wanted, or at the first one."""
        headers = {"Range": f"bytes={self._offset}-"} if self._offset else {}
        call = Call(method="GET", url=self._call.url, headers=headers, scopes=self._call.scopes, what=self._call.what)
        ok = (_WHOLE, _PART)
        answer = self._client.send(call, ok) if self._call.scopes else self._client.elsewhere(call, ok)
        if answer.status == _PART:
            found = _RANGE.fullmatch(answer.header("Content-Range").strip())
            if found is None or int(found.group(1)) != self._offset:
                answer.close()
                raise RegistryError("the registry sends another part of a blob than was asked for")
            return answer
        if answer.length is not None and answer.length != self._described.size:
            answer.close()
            raise ArchiveError(
                f"content differs from its digest {self._described.digest}",
                hint="the registry has something else under it: tell who runs it",
                detail=f"expected {self._described.size} bytes, the registry announces {answer.length}",
            )
        return answer

    def _skip(self, answer: Answer) -> None:
        """Read again what is here already, from a server that knows no ranges."""
        left = self._offset if answer.status == _WHOLE else 0
        while left:
            data = answer.read1(min(left, _CHUNK))
            if not data:
                raise BrokenOffError("the registry ended a blob before its end", hint="try again")
            left -= len(data)


class ForeignStream:
    """A blob of the registry, or, where it has none, of the first URL of its descriptor that gives it.

    Args:
        client: the registry.
        call: the request for the blob.
        described: with ``urls``.
        told: gets the count of bytes so far.
    """

    def __init__(self, client: Client, call: Call, described: Descriptor, told: Callable[[int], object]) -> None:
        self._client = client
        self._described = described
        self._told = told
        insecure, trusted = client.endpoint.insecure, client.endpoint.redirect_hosts
        self._urls = [
            url for url in described.urls if redirect.is_foreign_allowed(url, insecure=insecure, trusted=trusted)
        ]
        self._stream = BlobStream(client, call, described, told)
        self._begun = False

    def read(self, size: int, /) -> bytes:
        """As :meth:`BlobStream.read`."""
        while True:
            try:
                data = self._stream.read(size)
            except (NotFoundError, RegistryError):
                if self._begun or not self._urls or self._client.transport.is_stopped:
                    raise
                call = Call(method="GET", url=self._urls.pop(0), what="a layer at its own address")
                self._stream = BlobStream(self._client, call, self._described, self._told)
                continue
            self._begun = True
            return data

    def close(self) -> None:
        """Take no more of it."""
        self._stream.close()
