"""``login`` and ``logout``: credentials for a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockmagic.errors import UsageError
from dockmagic.oci.reference import DEFAULT_DOMAIN
from dockmagic.registry import endpoint
from dockmagic.registry.token import Credential

if TYPE_CHECKING:
    from dockmagic.engine.session import Session


def login(session: Session, server: str, username: str, password: str) -> str:
    """Sign in to a registry and keep the credentials.

    Args:
        session: what it works on.
        server: the registry's domain; "" for Docker Hub.
        username: who.
        password: a password or an access token.

    Returns:
        The registry's domain.

    Raises:
        UsageError: a word is missing or of the wrong form.
        DeniedError: the registry does not take them; nothing is kept.
        RegistryError: it cannot be reached, or fails.
    """
    if not username or not password:
        raise UsageError("a user's name and password are needed")
    credential = Credential(username=username, password=password)
    name = session.registries.verify(server or DEFAULT_DOMAIN, credential)
    session.registries.keychain.store(name, credential)
    return name


def logout(session: Session, server: str) -> bool:
    """Forget the credentials that ``login`` kept for a registry, "" for Docker Hub; False where there were none.

    docker's own ``config.json`` stays as it is.
    """
    return session.registries.keychain.erase(endpoint.of(server or DEFAULT_DOMAIN).name)
