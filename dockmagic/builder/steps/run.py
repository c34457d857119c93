"""RUN: a command in a container on the layers below; what it leaves in the writable layer becomes a layer."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from dockmagic.builder.actions import RunAction
from dockmagic.builder.request import Network
from dockmagic.builder.steps.mounting import Ready
from dockmagic.builder.steps.site import Site, Writable
from dockmagic.errors import EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND, BuildError, IsolationError
from dockmagic.sandbox import one_id
from dockmagic.sandbox.execution import Outcome, execute
from dockmagic.sandbox.limit_words import OPTIONS, amount
from dockmagic.sandbox.pump import Listener
from dockmagic.sandbox.spec import Exit, Spec
from dockmagic.store.layer_rows import LayerRecord

if TYPE_CHECKING:
    from dockmagic.sandbox.runtime import Process, Runtime

_FOREIGN_HINT = (
    "build that stage by FROM --platform=$BUILDPLATFORM, or have an administrator register an emulator with binfmt_misc:"
    " Debian's package qemu-user-binfmt does"
)
_SHELL_HINT = "the shell form needs a shell in the image: use the exec form, or start from another base"


def run(site: Site, action: RunAction, ready: Ready, listener: Listener) -> tuple[LayerRecord | None, tuple[str, ...]]:
    """Execute a RUN.

    Args:
        site: the layers below it.
        action: what to execute.
        ready: its mounts.
        listener: gets what it prints.

    Returns:
        The layer, None where nothing changed; and what was honoured more weakly than asked.

    Raises:
        BuildError: the command failed; without the instruction's place, which the builder adds.
        UsageError: no such user or working directory in the image.
        IsolationError: a wall could not be built; nothing ran.
        KeyboardInterrupt: it was interrupted; nothing of it is left.
    """
    runtime = site.runtime()
    with site.writable() as made:
        spec = _spec(site, action, ready, made)

        def start(stdin: int, stdout: int, stderr: int) -> Process:
            return runtime.start(spec, stdin=stdin, stdout=stdout, stderr=stderr)

        with site.running.watched() as watch:
            outcome = execute(start, listener=listener, timeout=site.timeout, started=watch.started)
        if outcome.stopped == "interrupted":
            raise KeyboardInterrupt
        if outcome.exit_code or outcome.stopped:
            raise _failure(outcome, action, site)
        return site.adopt(made, _owners(site, made, spec, outcome.ending)), outcome.ending.notes


def network_of(runtime: Runtime, wanted: Network) -> Literal["none", "private", "host"]:
    """The network of a RUN: what was asked for, by default a private one where that works here, else the host's."""
    if wanted != "default":
        return wanted
    try:
        runtime.private_network()
    except IsolationError:
        return "host"
    return "private"


def _spec(site: Site, action: RunAction, ready: Ready, made: Writable) -> Spec:
    return Spec(
        lowers=site.lowers(),
        upper=made.upper,
        work=made.work,
        argv=action.argv,
        env=tuple({**action.env, **action.secret_env, **ready.env}.items()),
        cwd=action.cwd,
        user=action.user,
        hostname=action.hostname,
        network=network_of(site.runtime(), action.network),
        add_hosts=(("127.0.0.1", action.hostname), *action.hosts),
        binds=ready.binds,
        mounts=ready.mounts,
        files=tuple((name, content, 0o755) for name, content in action.files),
        epoch=site.epoch,
        limits=site.limits if ready.shm is None else replace(site.limits, shm=ready.shm),
        purpose="build",
    )


def _owners(site: Site, made: Writable, spec: Spec, ending: Exit) -> Mapping[str, Sequence[int]]:
    """The owners that the tree cannot hold; where only one id is mapped, files do not say who made them."""
    if site.runtime().isolation.ids != "single" or ending.user == (0, 0):
        return ending.owners
    arguments = {"upper": made.upper, "lowers": list(spec.lowers), "owner": list(ending.user), "owners": ending.owners}
    found: Mapping[str, Sequence[int]] = site.call("stamp", arguments)["owners"]
    return found


def _failure(outcome: Outcome, action: RunAction, site: Site) -> BuildError:
    code = outcome.exit_code
    message, hint = f"RUN failed with exit code {code}", ""
    if outcome.stopped == "timeout":
        message, hint = f"RUN timed out after {site.timeout:g} s (exit code {code})", "a longer time: --timeout"
    elif outcome.stopped in OPTIONS:
        told = amount(outcome.stopped, site.limits)
        message = f"RUN was ended by the {outcome.stopped} of {told} (exit code {code})"
        hint = f"a higher limit: {OPTIONS[outcome.stopped]}"
    elif outcome.ending.not_started and action.foreign and code == EXIT_NOT_EXECUTABLE:
        message = (
            f"RUN: the stage is for {action.foreign}, and this machine does not run its programs (exit code {code})"
        )
        hint = _FOREIGN_HINT
    elif outcome.ending.not_started and code == EXIT_NOT_FOUND:
        message, hint = f'RUN: "{action.argv[0]}" is not in the image (exit code {code})', _SHELL_HINT
    elif outcome.ending.not_started and code == EXIT_NOT_EXECUTABLE:
        message = f'RUN: "{action.argv[0]}" cannot be executed (exit code {code})'
        hint = "is it a program of this machine's kind, with mode +x?"
    elif outcome.ending.signalled:
        message = f"RUN was ended by {_name(outcome.ending.signalled)} (exit code {code})"
    if not hint and site.runtime().isolation.ids == "single":
        hint = one_id.hint(outcome.capture.text("output"))
    return BuildError(message, log=outcome.capture.text("output"), exit_code=code, hint=hint)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
