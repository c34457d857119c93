"""All registries, as settings and credentials say: the door to this package."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence

from dockmagic.errors import DeniedError
from dockmagic.registry import endpoint as endpoints
from dockmagic.registry import settings as settings_file
from dockmagic.registry.auth import Signer, Tokens
from dockmagic.registry.client import Call, Client
from dockmagic.registry.credentials import FILE_NAME, Keychain, docker_config
from dockmagic.registry.repository import Repository
from dockmagic.registry.retry import Policy
from dockmagic.registry.settings import Settings
from dockmagic.registry.token import Credential
from dockmagic.registry.transport import Transport

_LIMIT = 1 << 16
_UNREACHABLE_SECONDS = 60.0


class Registries:
    """Repositories by the names of images.

    Args:
        settings: what ``registries.toml`` says, or what reads it anew each time.
        keychain: whose credentials are used.
        policy: how patient we are with a registry.

    Attributes:
        keychain: as given.
    """

    def __init__(
        self, settings: Settings | Callable[[], Settings], keychain: Keychain, *, policy: Policy | None = None
    ) -> None:
        self._settings = settings
        self.keychain = keychain
        self._policy = policy or Policy()
        self._tokens = Tokens()
        self._unreachable: dict[str, float] = {}

    @classmethod
    def of_user(cls) -> Registries:
        """Those of the user who runs this process."""
        home = settings_file.directory()
        keychain = Keychain(home / FILE_NAME, docker_config())
        return cls(functools.partial(settings_file.read, home / settings_file.FILE_NAME), keychain)

    @property
    def settings(self) -> Settings:
        """What the file says now: it may be edited while a kernel runs.

        Raises:
            UsageError: it cannot be understood.
        """
        return self._settings if isinstance(self._settings, Settings) else self._settings()

    def transport(self) -> Transport:
        """Connections for one pull, push or sign-in; the caller closes it."""
        return Transport(self.settings.timeout)

    def sources(self, domain: str) -> tuple[str, ...]:
        """Servers that an image may be pulled from: the mirrors of its registry in order, then the registry itself."""
        return (*(mirror for mirror in self.settings.of(domain).mirrors if mirror != domain), domain)

    def note_unreachable(self, domain: str) -> None:
        """Remember that a registry could not be reached just now."""
        self._unreachable[domain] = time.monotonic()

    def note_reachable(self, domain: str) -> None:
        """Forget that."""
        self._unreachable.pop(domain, None)

    def is_unreachable(self, domain: str) -> bool:
        """Whether a registry could not be reached a moment ago."""
        return time.monotonic() - self._unreachable.get(domain, -math.inf) < _UNREACHABLE_SECONDS

    def repository(
        self, server: str, path: str, transport: Transport, actions: Sequence[str] = ("pull",)
    ) -> Repository:
        """A repository of a registry.

        Args:
            server: its domain.
            path: the repository's name there.
            transport: connections.
            actions: what is going to be done there.
        """
        chunk = self.settings.of(endpoints.of(server).name).chunk
        return Repository(self._client(server, transport), path, actions, chunk=chunk)

    def verify(self, server: str, credential: Credential) -> str:
        """Sign in once; returns the registry's domain.

        Raises:
            DeniedError: the registry does not take the credentials.
            RegistryError: it is none, or cannot be reached.
        """
        with self.transport() as transport:
            client = self._client(server, transport, credential)
            call = Call(method="GET", url=client.endpoint.ping, limit=_LIMIT, what="the registry's API")
            try:
                client.send(call)
            except DeniedError as error:
                raise DeniedError(
                    f"{client.endpoint.name} does not take that name and password",
                    status=error.status,
                    hint="a registry with two-factor sign-in wants an access token in place of the password",
                    detail=error.detail,
                ) from None
            return client.endpoint.name

    def _client(self, server: str, transport: Transport, credential: Credential | None = None) -> Client:
        name = endpoints.of(server).name
        said = self.settings.of(name)
        endpoint = endpoints.of(
            server, http=said.http, token_hosts=said.token_hosts, redirect_hosts=said.redirect_hosts
        )
        # A helper is a program: it is asked once, and only when a registry wants to know who we are.
        find = functools.cache(lambda: credential or self.keychain.find(name))
        # Certificates of a loopback registry or of one that was named so mean TLS.
        if said.ca and said.http is None and "://" not in server:
            endpoint = endpoints.of(
                server, http=False, token_hosts=said.token_hosts, redirect_hosts=said.redirect_hosts
            )
        signer = Signer(endpoint, transport, self._tokens, find, self._policy, ca=said.ca)
        return Client(endpoint, transport, signer, self._policy, ca=said.ca)
