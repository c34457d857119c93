"""What this host allows, found by doing it: never by reading a setting.

A setting says what one layer thinks; whether a user namespace, a mount or a filter works is decided by the kernel, its security modules, the
container around us and its filter together. So a short-lived child (``sandbox.trials``) tries each thing on a small scale.
Settings are read only to word what to ask for.

Tiers, from the strongest:

- T0: all namespaces, a range of ids, a procfs of our own, seccomp.
- T1: the same walls with one id, with the outer procfs, or with writable layers in memory.
- T2: no namespaces, but ptrace: weak isolation is possible (``sandbox.traced``), for who asks for it.
- T3: nothing runs.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dockmagic.sandbox.trials import TRIALS

Tier = Literal["T0", "T1", "T2", "T3"]

NAMES = (*TRIALS, "pasta or slirp4netns")

_WALLS = ("user namespace", "mount", "pivot_root", "seccomp filter")
_BEST = ("id range", "new /proc", "overlay on disk")
_SOURCE = Path(__file__).resolve().parents[2]
_TIMEOUT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that the host gives or refuses; the fields are those of ``results.Finding``.

    Attributes:
        name: one of ``NAMES``.
        ok: the host gives it.
        call: the last call that was tried, e.g. ``"unshare(CLONE_NEWUSER)"``.
        errno: its error number, 0 when it succeeded or there was none.
        detail: more in words, or "".
        fix: what to ask the administrator for, or "".
    """

    name: str
    ok: bool
    call: str = ""
    errno: int = 0
    detail: str = ""
    fix: str = ""


def probe(directory: Path, names: Sequence[str] = NAMES) -> tuple[Finding, ...]:
    """Try things; takes about 0.1 s for all of them. Called by the runtime when it opens, and by ``doctor``.

    Args:
        directory: an existing directory on the store's disk that we may write in; it is left as it was.
        names: what to try, of ``NAMES``.

    Returns:
        A finding for each name, in that order. A trial that gives no answer is a finding that is not ok.

    Raises:
        OSError: ``directory`` cannot be written, or no child can be started.
    """
    tried = [name for name in names if name in TRIALS]
    with tempfile.TemporaryDirectory(prefix="trial-", dir=directory) as place:
        answers = _ask(place, tried) if tried else []
    host = surroundings()
    found = {answer["name"]: Finding(**answer) for answer in answers}
    findings = []
    for name in names:
        finding = found.get(name) or (_program(name) if name not in TRIALS else Finding(name=name, ok=False, call=name))
        findings.append(finding if finding.ok else _with_fix(finding, host))
    return tuple(findings)


def tier(findings: Iterable[Finding]) -> Tier:
    """The strongest tier that the findings allow; what was not tried counts as refused."""
    given = {finding.name for finding in findings if finding.ok}
    if given.issuperset(_WALLS) and given & {"overlay on disk", "overlay on tmpfs"}:
        if given.issuperset(_BEST):
            return "T0"
        if given & {"id range", "user notification"}:
            return "T1"
    return "T2" if "ptrace" in given else "T3"


def blocking(findings: Iterable[Finding]) -> Finding | None:
    """The first refusal that keeps the host from the next stronger tier, None at T0."""
    known = tuple(findings)
    now = tier(known)
    ladder = {
        "T0": (),
        "T1": _BEST,
        "T2": (*_WALLS, "overlay on disk", "overlay on tmpfs", "user notification"),
        "T3": (*_WALLS, "overlay on disk", "overlay on tmpfs", "user notification", "ptrace"),
    }
    by_name = {finding.name: finding for finding in known}
    return next((by_name[name] for name in ladder[now] if name in by_name and not by_name[name].ok), None)


def surroundings() -> str:
    """Whose policy refuses, as far as can be told, for the wording of a fix: "kubernetes", "docker", "apparmor" or ""."""
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return "kubernetes"
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return "docker"
    try:
        restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").read_text()
    except OSError:
        return ""
    return "apparmor" if restricted.strip() == "1" and os.geteuid() else ""


def fix(name: str, call: str, host: str) -> str:
    """What to ask for when the host refuses ``name``.

    Args:
        name: one of ``NAMES``.
        call: the call that failed: a trial may already fail where it enters its namespaces.
        host: as from ``surroundings``.
    """
    if name in _ASK_POLICY or call.startswith(("unshare", "mount(MS_PRIVATE")):
        return _POLICY[host].format(what=call)
    if name == "new /proc" and host == "kubernetes":
        return "procMount: Unmasked in the pod's security context (with hostUsers: false)"
    return _FIXES.get(name, "")


_ASK_POLICY = {
    "user namespace",
    "mount",
    "pivot_root",
    "overlay on tmpfs",
    "seccomp filter",
    "user notification",
    "ptrace",
}
_POLICY = {
    "kubernetes": "seccompProfile: {{type: Unconfined}} in the pod's security context, or hostUsers: false",
    "docker": "start the outer container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined",
    "apparmor": "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile that allows userns for this Python",
    "": "a kernel and a policy that allow: {what} (user.max_user_namespaces above 0; no filter on unshare, clone and mount)",
}
_FIXES = {
    "id range": "the package uidmap, and a line USER:100000:65536 in /etc/subuid and in /etc/subgid",
    "overlay on disk": "Linux 5.11 or later and a store on ext4, xfs, btrfs or tmpfs (DOCKMAGIC_HOME), not on an overlay or NFS",
    "new /proc": "an outer container that does not mask /proc (podman: --security-opt unmask=ALL; docker: systempaths=unconfined)",
    "idmapped mount": "nothing: it is not needed",
    "cgroup": "a delegated cgroup v2 with memory and pids: systemd-run --user --scope -p Delegate=yes, or DelegateSubgroup= of a service",
    "/dev/net/tun": "read and write permission on /dev/net/tun",
    "pasta or slirp4netns": "the package passt or slirp4netns",
}


def _ask(place: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """Run trials in a child of its own session; what it cannot answer in time is left out."""
    code = f"import sys; sys.path.insert(0, {str(_SOURCE)!r}); from dockmagic.sandbox.trials import main; main(*sys.argv[1:])"
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code, place, *names],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
    )
    try:
        printed, _ = child.communicate(timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return []
    try:
        answers: list[dict[str, Any]] = json.loads(printed)
    except ValueError:
        return []
    return answers


def _program(name: str) -> Finding:
    """Whether a program of a pair is there; that it works is tried when a network is asked for."""
    found = next((program for program in name.split(" or ") if shutil.which(program)), "")
    return Finding(name=name, ok=bool(found), call=f"which {name}", detail=found)


def _with_fix(finding: Finding, host: str) -> Finding:
    return Finding(
        name=finding.name,
        ok=False,
        call=finding.call,
        errno=finding.errno,
        detail=finding.detail,
        fix=fix(finding.name, finding.call, host),
    )
