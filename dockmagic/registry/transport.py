"""One request, one answer: connections, TLS, proxies and limits. No redirects, no retries, no credentials of its own."""

from __future__ import annotations

import socket
import ssl
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import urllib3
from urllib3 import exceptions as faults
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from dockmagic.errors import RegistryError, UnreachableError, UsageError
from dockmagic.registry import origin as origins
from dockmagic.registry import proxies

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

_AGENT = "dockmagic"
_CONNECT_SECONDS = 10.0
_CHUNK = 1 << 16
# Small answers are whole within this many time-outs, or never.
_PATIENCE = 4
_ERROR_LIMIT = 8 << 10


class Body(Protocol):
    """What a request sends, where that is more than a few bytes."""

    def read(self, size: int = -1, /) -> bytes: ...


class BrokenOffError(RegistryError):
    """The connection broke, or nothing came any more: the same may work if it is tried again."""


class Answer:
    """An answer whose head has come; its body is read at most once.

    Attributes:
        status: HTTP status.
        method: of the request.
        url: of the request.
        body: what :meth:`read` has read.
    """

    def __init__(self, transport: Transport, response: BaseHTTPResponse, method: str, url: str) -> None:
        self.status = response.status
        self.method = method
        self.url = url
        self.body = b""
        self._transport = transport
        self._response = response
        self._is_over = False

    def header(self, name: str) -> str:
        """A header's value, "" where it is missing."""
        return str(self._response.headers.get(name, ""))

    def headers(self, name: str) -> list[str]:
        """Each line of a header that may be there several times."""
        return list(self._response.headers.getlist(name))

    @property
    def length(self) -> int | None:
        """The body's bytes as the server announces them."""
        text = self.header("Content-Length").strip()
        return int(text) if text.isascii() and text.isdigit() else None

    def read1(self, size: int) -> bytes:
        """What has come of the body, at least one byte, b"" at its end.

        Raises:
            BrokenOffError: the connection broke.
        """
        with told(self._transport):
            return self._response.read1(size)

    def read(self, limit: int) -> bytes:
        """The whole body.

        Raises:
            RegistryError: it is longer than ``limit`` bytes; no more of it was read.
            BrokenOffError: it did not come to its end in time.
        """
        self.body = self._read(limit)
        self.close()
        if len(self.body) > limit:
            raise RegistryError("a registry's answer is longer than it may be", detail=f"more than {limit:,} bytes")
        return self.body

    def excerpt(self) -> bytes:
        """The beginning of the body of a refusal; whatever goes wrong with it."""
        if not self._is_over:
            with suppress(RegistryError):
                self.body = self._read(_ERROR_LIMIT)[:_ERROR_LIMIT]
            self.close()
        return self.body

    def _read(self, limit: int) -> bytes:
        deadline = time.monotonic() + _PATIENCE * self._transport.timeout
        parts, size = [], 0
        while size <= limit and (data := self.read1(min(_CHUNK, limit + 1 - size))):
            parts.append(data)
            size += len(data)
            if time.monotonic() > deadline:
                self.close()
                raise BrokenOffError("a registry answers too slowly", hint="try again later")
        return b"".join(parts)

    def close(self) -> None:
        """Take no more of it; a connection whose answer has come to its end serves the next request."""
        self._is_over = True
        if self._response.length_remaining == 0:
            self._response.drain_conn()
        self._response.close()
        self._response.release_conn()


class Transport:
    """Connections for one pull, push or sign-in; :meth:`stop` ends whatever its threads wait for.

    Args:
        timeout: seconds without a byte from a server.
    """

    def __init__(self, timeout: float = 30.0) -> None:
        self.timeout = timeout
        self._lock = threading.Lock()
        self._pools: dict[tuple[str, str], urllib3.PoolManager] = {}
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for manager in self._pools.values():
            for key in list(manager.pools.keys()):
                pool = manager.pools.get(key)
                if pool is not None:
                    pool.close()
            manager.clear()

    def request(
        self, method: str, url: str, headers: Mapping[str, str], *, body: bytes | Body | None = None, ca: str = ""
    ) -> Answer:
        """Send a request.

        Args:
            method: HTTP method.
            url: absolute.
            headers: all of them; with a file as body also its ``Content-Length``.
            body: bytes, or a file at the position to send from.
            ca: file of the certificates to trust, "" for the system's.

        Raises:
            UnreachableError: no connection can be made.
            BrokenOffError: it broke before the answer's head.
            RegistryError: the answer is encoded in a way that was not asked for.
        """
        self.require_running()
        pool = self._pool(proxies.of(origins.of(url)), ca)
        with told(self):
            response = pool.request(
                method,
                url,
                headers={"User-Agent": _AGENT, "Accept-Encoding": "identity", **headers},
                body=body,  # type: ignore[arg-type] # it asks for no more than read()
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=min(_CONNECT_SECONDS, self.timeout), read=self.timeout),
            )
        if response.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
            response.close()
            raise RegistryError("a registry's answer is encoded in a way that was not asked for")
        return Answer(self, response, method, url)

    def stop(self) -> None:
        """End every connection, now and later; for another thread than those that wait."""
        self._stopped.set()
        for connected in list(self._sockets):
            try:
                connected.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has ended

    def wait(self, seconds: float) -> None:
        """Pause.

        Raises:
            BrokenOffError: it was stopped meanwhile.
        """
        self._stopped.wait(seconds)
        self.require_running()

    @property
    def is_stopped(self) -> bool:
        """Nothing more is sent."""
        return self._stopped.is_set()

    def require_running(self) -> None:
        """Do nothing.

        Raises:
            BrokenOffError: it was stopped.
        """
        if self._stopped.is_set():
            raise BrokenOffError("the transfer was ended")

    def _pool(self, proxy: str, ca: str) -> urllib3.PoolManager:
        with self._lock:
            if (proxy, ca) not in self._pools:
                self._pools[proxy, ca] = self._new_pool(proxy, ca)
            return self._pools[proxy, ca]

    def _new_pool(self, proxy: str, ca: str) -> urllib3.PoolManager:
        options: dict[str, Any] = {"maxsize": 16, "blocksize": 1 << 17, "ssl_context": _tls(ca)}
        if not proxy:
            pool = urllib3.PoolManager(**options)
        else:
            basic = proxies.credentials(proxy)
            headers = urllib3.make_headers(proxy_basic_auth=basic) if basic else {}
            pool = urllib3.ProxyManager(proxy, proxy_headers=headers, **options)
        pool.pool_classes_by_scheme = self._watched()
        return pool

    def _watched(self) -> dict[str, type[HTTPConnectionPool]]:
        """Pools whose connections can be ended from another thread."""
        sockets = self._sockets

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                sockets.add(self.sock)

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                sockets.add(self.sock)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain  # type: ignore[mutable-override] # as urllib3 documents it

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure  # type: ignore[mutable-override] # the same

        return {"http": PlainPool, "https": SecurePool}


# OpenSSL's word for an answer that is none of TLS, such as plain HTTP.
_NO_TLS = "WRONG_VERSION_NUMBER"


def _tls(ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca:
        try:
            context.load_verify_locations(cafile=ca)
        except OSError as error:
            raise UsageError(
                "the file that ca names in registries.toml holds no certificates", detail=str(error)
            ) from None
    return context


@contextmanager
def told(transport: Transport) -> Iterator[None]:
    """Raise what goes wrong with a connection as an error of ours."""
    try:
        yield
    except (faults.NewConnectionError, faults.ConnectTimeoutError, faults.ProxyError) as error:
        raise _unreachable(error) from None
    except (faults.SSLError, ssl.SSLError) as error:
        if _NO_TLS in str(error):
            hint = "a registry without TLS on a network that you trust: http = true in registries.toml"
            raise UnreachableError("the registry does not speak TLS", hint=hint, detail=_reason(error)) from None
        hint = "a registry of your own: name the file of its certificates as ca in registries.toml"
        raise UnreachableError("the registry has no certificate that holds", hint=hint, detail=_reason(error)) from None
    except (faults.HTTPError, OSError, ValueError) as error:
        transport.require_running()
        raise BrokenOffError("the connection to the registry broke", hint="try again", detail=_reason(error)) from None


def _unreachable(error: Exception) -> UnreachableError:
    hint = "is there a network, and is the name right? behind a proxy, set https_proxy"
    return UnreachableError("the registry cannot be reached", hint=hint, detail=_reason(error))


def _reason(error: BaseException) -> str:
    """The kind of the error and the kernel's words; never a URL, which may hold a secret."""
    root: BaseException = error
    while (inner := root.__cause__ or root.__context__) is not None:
        root = inner
    words = root.strerror if isinstance(root, OSError) else ""
    return f"{type(root).__name__}: {words}" if words else type(root).__name__
