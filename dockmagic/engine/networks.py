"""Which network a container has: ``--network``, ``-p`` and what they mean together.

What was asked for becomes a plain JSON value (:func:`planned`), which the container's row keeps, ``inspect`` shows, and every later start takes up
again (:func:`fields`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dockmagic.engine import containers, ports
from dockmagic.engine.network_names import PRIVATE, SHARED, of_run
from dockmagic.errors import ConflictError, UsageError
from dockmagic.sandbox.spec import NETWORK_PROGRAMS
from dockmagic.table import Table

if TYPE_CHECKING:
    from dockmagic.engine.ports import Published
    from dockmagic.engine.session import Session
    from dockmagic.engine.settings import Settings
    from dockmagic.results import Container
    from dockmagic.sandbox.runtime import Process
    from dockmagic.store.containers import ContainerRow

# What a container that shares another's network has of that one: its names.
_NAMES = ("hostname", "add_hosts", "dns", "dns_search", "dns_options")
_NOT_NEEDED = "published ports are discarded: with --network host every port of the container is this machine's own"


def planned(
    session: Session,
    network: str,
    publish: Sequence[str],
    settings: Settings,
    *,
    everything: bool,
    declared: Sequence[str],
) -> dict[str, Any]:
    """The fields of a new container's row.

    Args:
        session: what it works on.
        network: as :func:`~dockmagic.engine.network_names.of_run` takes it, or "" for what the rest implies.
        publish: of ``-p``.
        settings: what else it is to have; a network that is shared has its names already.
        everything: ``-P``: publish what is declared.
        declared: of EXPOSE and ``--expose``.

    Raises:
        UsageError: there is no such network, or a port or option does not go with it.
        NotFoundError: there is no such container.
        ConflictError: the container whose network is to be shared has ended.
    """
    wanted = [port for text in publish for port in ports.published(text)]
    named = {(port.container, port.protocol) for port in wanted}
    if everything:
        wanted += [port for port in ports.exposed(declared) if (port.container, port.protocol) not in named]
    publishes = bool(publish) or everything
    network = network or ("private" if publishes else "none")
    if network.startswith(SHARED):
        return _shared(session, network.removeprefix(SHARED), settings, publishes=publishes)
    try:
        kind = "private" if of_run(network) in {*PRIVATE, *NETWORK_PROGRAMS} else network
    except ValueError as error:
        raise UsageError(f"--network {network}: {error}") from None
    if kind == "none" and publishes:
        raise UsageError("-p cannot be used with --network none", hint="leave --network out: -p implies a private one")
    found: dict[str, Any] = {"network": kind}
    if kind == "private":
        _require_reachable(settings.dns)
        found["network_programs"] = [network] if network in NETWORK_PROGRAMS else list(NETWORK_PROGRAMS)
        found["publish"] = ports.as_json(wanted)
    return found


def _require_reachable(resolvers: Sequence[str]) -> None:
    """A private network leads out by IPv4 alone, so a name server of IPv6 would be asked in vain, for as long as a program waits."""
    for address in resolvers:
        if ":" in address:
            hint = "give it an address of IPv4, or --network host"
            raise UsageError(f"--dns {address}: a private network has no IPv6 to reach it by", hint=hint)


def notes(network: str, *, publishes: bool) -> tuple[str, ...]:
    """What was honoured more weakly than asked."""
    return (_NOT_NEEDED,) if publishes and network == "host" else ()


def _shared(session: Session, name: str, settings: Settings, *, publishes: bool) -> dict[str, Any]:
    given = {"hostname": settings.hostname, "add-host": settings.add_hosts, "dns": settings.dns}
    given |= {"dns-search": settings.dns_search, "dns-option": settings.dns_options}
    given |= {"sysctl": [name for name in settings.sysctls if name.startswith("net.")]}
    for option in [*(["-p"] if publishes else []), *(f"--{option}" for option, value in given.items() if value)]:
        raise UsageError(
            f"{option} cannot be used with --network container:NAME", hint=f"give it to {name}, whose network it is"
        )
    peer = _living(session, name)
    return {"network": f"{SHARED}{peer.name}", "network_kind": kind_of(peer.spec), "network_of": peer.id}


def kind_of(spec: Mapping[str, Any]) -> str:
    """``"none"``, ``"private"`` or ``"host"``, from a row's spec."""
    return str(spec.get("network_kind") or spec.get("network", "none"))


def _living(session: Session, name: str) -> ContainerRow:
    row = containers.find(session, name)
    if row.status != containers.RUNNING:
        raise ConflictError(
            f"container {row.name}, whose network is to be shared, is not running", hint="start it with --bg"
        )
    return row


def names_of(session: Session, row_spec: Mapping[str, Any]) -> dict[str, Any]:
    """The names of the container whose network this one shares, as fields of a profile; {} for a network of its own."""
    if "network_of" not in row_spec:
        return {}
    peer = containers.find(session, row_spec["network_of"])
    profile = dict(peer.spec.get("profile", {}))
    profile["hostname"] = profile.get("hostname") or containers.hostname_of(peer)
    return {name: profile[name] for name in _NAMES if name in profile}


def fields(session: Session, row: ContainerRow) -> dict[str, Any]:
    """Fields of a :class:`~dockmagic.sandbox.spec.Spec` for a container that starts.

    Raises:
        NotFoundError: the container whose network it shares is gone.
        ConflictError: it has ended.
    """
    found: dict[str, Any] = {"network": kind_of(row.spec)}
    if "network_of" in row.spec and row.status != containers.RUNNING:
        peer = _living(session, row.spec["network_of"])
        found["peer"] = (peer.pid, peer.birth)
    if programs := row.spec.get("network_programs"):
        found["programs"] = tuple(programs)
    return {**found, "ports": ports.stored(row.spec.get("publish", ()))}


def started(session: Session, row: ContainerRow, process: Process) -> None:
    """Write down what a container's network has become: by which program, and the true ports."""
    found: dict[str, Any] = {}
    if process.network:
        found["network_by"] = process.network
    if process.ports or "ports" in row.spec:
        found["ports"] = ports.as_json(process.ports)
    if found:
        session.store.containers.amend(row.id, found)


def port(session: Session, name: str | Container, private: str = "") -> Table[Published]:
    """What a container publishes.

    Args:
        session: what it works on.
        name: of the container.
        private: ``PORT[/PROTOCOL]`` for that one alone; "" for all.

    Raises:
        NotFoundError: there is no such container.
        ConflictError: it does not run.
        UsageError: it does not publish that port.
    """
    row = containers.find(session, name)
    if row.status != containers.RUNNING:
        raise ConflictError(f"container {row.name} is not running", hint="it publishes its ports while it runs")
    found = ports.of_row(row.spec)
    if private:
        number, _, protocol = private.partition("/")
        found = tuple(each for each in found if (str(each.container), each.protocol) == (number, protocol or "tcp"))
        if not found:
            raise UsageError(f"container {row.name} publishes no port {private}", hint="-p publishes one")
    return Table(
        columns=("CONTAINER", "HOST"),
        items=found,
        rows=tuple((f"{each.container}/{each.protocol}", each.host) for each in found),
    )
