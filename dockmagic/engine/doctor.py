"""``doctor``: what this host gives, what it refuses, the tier that follows, and what to ask for.

It only looks: it opens the runtime as the first run would, and tries things on a small scale (``sandbox.probe``). Nothing weaker is started
where the walls are refused.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from dockmagic import results, table
from dockmagic.engine.session import Session
from dockmagic.errors import IsolationError, StoreError
from dockmagic.sandbox import probe
from dockmagic.sandbox.probe import Finding

_COLUMNS = ("", "WHAT", "TRIED", "RESULT", "ASK FOR")

_MEANING = {
    "T0": "all walls, a range of ids",
    "T1": "the walls that this host allows",
    "T2": "no walls: RUN and run are refused, unless weak isolation is asked for",
    "T3": "no walls, no tracing: RUN and run are refused",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The tier in force.

    Attributes:
        tier: ``"T0"`` to ``"T3"``.
        weak: containers run though there are no walls, as was asked for.
        notes: what is weaker than it could be, in words.
        blocking: the refusal that keeps the host from the next better tier; None at T0.
    """

    tier: probe.Tier
    notes: tuple[str, ...] = ()
    blocking: Finding | None = None
    weak: bool = False


def doctor(session: Session) -> table.Table[results.Finding]:
    """Ask this host.

    Returns:
        Findings: ``tier`` first (ok: containers run; its detail begins with the tier, its call, errno and fix are those of what blocks the
        next better one), then ``store``, one for each shared store, one for each of ``probe.NAMES``, and
        where containers run ``private network``. It prints with the verdict above.
    """
    store, refusal = _open(session)
    findings = _probe(session.home)
    verdict = judge(session, findings, refusal) if store.ok else without_store(findings, store)
    network = [_network(session)] if store.ok and refusal is None else []
    everything = (_tier(verdict), store, *(_shared(session) if store.ok else ()), *findings, *network)
    items = tuple(_as_result(finding) for finding in everything)
    return table.Table(_COLUMNS, items, _rows(everything[1:]), title=title(verdict))


def judge(session: Session, findings: Sequence[Finding], refusal: IsolationError | None) -> Verdict:
    """The tier of the runtime that is open, or what its refusal leaves.

    Args:
        session: whose runtime is open unless ``refusal`` is given.
        findings: of the probe.
        refusal: why no runtime can be opened.
    """
    if refusal is not None:
        return refused(findings, refusal)
    isolation = session.runtime.isolation
    found = probe.blocking(findings) if isolation.tier != "T0" else None
    return Verdict(tier=isolation.tier, notes=isolation.notes, blocking=found, weak=isolation.tier == "T2")


def refused(findings: Sequence[Finding], refusal: IsolationError) -> Verdict:
    """The verdict on a host whose runtime cannot be opened: what failed really outweighs what went well on a small scale."""
    found = probe.blocking(findings)
    if probe.tier(findings) in {"T0", "T1"} or found is None:
        found = Finding(
            name="runtime",
            ok=False,
            call=refusal.operation or "open the runtime",
            errno=refusal.errno,
            detail=refusal.detail,
            fix=refusal.hint or probe.fix("user namespace", refusal.operation, probe.surroundings()),
        )
    traceable = any(finding.name == "ptrace" and finding.ok for finding in findings)
    return Verdict(tier="T2" if traceable else "T3", notes=(refusal.message,), blocking=found)


def without_store(findings: Sequence[Finding], store: Finding) -> Verdict:
    """The verdict where only the store is missing: the tier that the host would give."""
    return Verdict(tier=probe.tier(findings), notes=("nothing runs until the store can be used",), blocking=store)


def title(verdict: Verdict) -> str:
    """The lines above the table: tier, what is weaker, what blocked the next better tier and the fix."""
    lines = [f"{verdict.tier}: {_meaning(verdict)}", *(f"  - {note}" for note in verdict.notes)]
    if verdict.blocking is not None:
        lines.append(f"  blocked by {verdict.blocking.name}: {verdict.blocking.call}: {_outcome(verdict.blocking)}")
        if verdict.blocking.fix:
            lines.append(f"  ask for: {verdict.blocking.fix}")
    return "\n".join([*lines, ""])


def _open(session: Session) -> tuple[Finding, IsolationError | None]:
    """Whether the store can be used, and why its runtime cannot be opened."""
    call = "open(store)"
    try:
        found = Finding(name="store", ok=True, call=call, detail=str(session.store.path))
    except StoreError as error:
        number = error.__cause__.errno or 0 if isinstance(error.__cause__, OSError) else 0
        return Finding(name="store", ok=False, call=call, errno=number, detail=error.message, fix=error.hint), None
    try:
        _ = session.runtime
    except IsolationError as refusal:
        return found, refusal
    return found, None


def _network(session: Session) -> Finding:
    """Whether a private network can be had, found by making one, and by which program."""
    try:
        program = session.runtime.private_network()
    except IsolationError as refusal:
        call, number = refusal.operation, refusal.errno
        return Finding(
            name="private network", ok=False, call=call, errno=number, detail=refusal.message, fix=refusal.hint
        )
    return Finding(name="private network", ok=True, call=program, detail=f"by {program}")


def _shared(session: Session) -> Iterable[Finding]:
    """What the shared stores have, or why one cannot be used."""
    shelf = session.store.shelf
    for path in shelf.paths:
        count = len(shelf.names())
        error = shelf.troubles.get(path)
        if error is None:
            yield Finding(name="shared store", ok=True, call="open(store)", detail=f"{path}: {count} names of images")
        else:
            detail = f"{path}: {error.message}"
            yield Finding(name="shared store", ok=False, call="open(store)", detail=detail, fix=error.hint)


def _probe(home: Path) -> tuple[Finding, ...]:
    """Try things on the store's disk; where nothing can be written there, on that of temporary files."""
    try:
        return probe.probe(home)
    except OSError:
        return probe.probe(Path(tempfile.gettempdir()))


def _as_result(found: Finding) -> results.Finding:
    """The sandbox's finding as the façade's; ``results`` stands above ``sandbox``, so that neither is the other's."""
    return results.Finding(**{field.name: getattr(found, field.name) for field in fields(results.Finding)})


def _tier(verdict: Verdict) -> Finding:
    found = verdict.blocking or Finding(name="", ok=True)
    detail = "; ".join([f"{verdict.tier}: {_meaning(verdict)}", *verdict.notes])
    ok = (verdict.tier in {"T0", "T1"} or verdict.weak) and found.name != "store"
    return Finding(name="tier", ok=ok, call=found.call, errno=found.errno, detail=detail, fix=found.fix)


def _meaning(verdict: Verdict) -> str:
    return "containers run without walls, as asked for" if verdict.weak else _MEANING[verdict.tier]


def _rows(findings: Iterable[Finding]) -> tuple[tuple[str, ...], ...]:
    """One policy often refuses many things: what to ask for is printed once."""
    rows: list[tuple[str, ...]] = []
    asked: set[str] = set()
    for finding in findings:
        ask = "as above" if finding.fix in asked else finding.fix
        asked |= {finding.fix} - {""}
        rows.append(("yes" if finding.ok else "no", finding.name, finding.call, _outcome(finding), ask))
    return tuple(rows)


def _outcome(finding: Finding) -> str:
    """The name of the error number and the words, or "ok"."""
    words = [errno.errorcode.get(finding.errno, str(finding.errno))] if finding.errno else []
    return ": ".join([*words, *([finding.detail] if finding.detail else [])]) or ("ok" if finding.ok else "refused")
