"""What the kernel and its front ends know of each other: comms, records with live models, live builds.

Handlers may run on a subshell's thread; what they share is behind locks. This module imports nothing that
``%load_ext dockmagic`` need not wait for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dockmagic.lab.envelope import reply
from dockmagic.lab.models import Models
from dockmagic.lab.registry import Cell, Registry, Subject

if TYPE_CHECKING:
    from dockmagic.engine.engine import Engine
    from dockmagic.lab.live import LiveBuild
    from dockmagic.lab.part import Part
    from dockmagic.record.reading import Result

PROTOCOL = 1
TARGET = "dockmagic"
PANEL_TARGET = "dockmagic.panel"


class Lab:
    """One for each shell that the extension is loaded into.

    Args:
        shell: IPython's interactive shell.
        engine: gives the engine when it is first needed.
        dockerfile_of: finds the Dockerfile in a cell's text.
        version: of dockmagic.
    """

    def __init__(
        self, shell: Any, engine: Callable[[], Engine], dockerfile_of: Callable[[str], Part | None], version: str
    ) -> None:
        self.registry = Registry()
        self.models = Models(self._make_model)
        self._shell = shell
        self._engine = engine
        self._dockerfile_of = dockerfile_of
        self._version = version
        self._lock = threading.Lock()
        self._announcement: Any = None
        self._hellos: dict[str, Mapping[str, Any]] = {}
        self._panels: dict[str, Any] = {}
        self._cell = Cell()
        self._touched = False

    def open(self) -> None:
        """Follow the shell's cells; in a kernel, also register the targets and announce them."""
        self._shell.events.register("pre_run_cell", self._before)
        self._shell.events.register("post_run_cell", self._after)
        manager = self._comm_manager()
        if manager is None:
            return
        from comm import create_comm  # noqa: PLC0415 - a kernel has it, a terminal may not

        manager.register_target(TARGET, self._connected)
        manager.register_target(PANEL_TARGET, self._panel_connected)
        self._announcement = create_comm(target_name=TARGET, data=self._told("announce"))

    def close(self) -> None:
        """Close every comm and model, and follow nothing any more."""
        for event, follower in (("pre_run_cell", self._before), ("post_run_cell", self._after)):
            with suppress(ValueError):  # opening it was interrupted
                self._shell.events.unregister(event, follower)
        self.models.close()
        manager = self._comm_manager()
        if manager is None:
            return
        manager.unregister_target(TARGET, self._connected)
        manager.unregister_target(PANEL_TARGET, self._panel_connected)
        with self._lock:
            comms = [self._announcement, *self._panels.values(), *(told["comm"] for told in self._hellos.values())]
            self._announcement = None
            self._panels.clear()
            self._hellos.clear()
        for comm in comms:
            if comm is not None:
                comm.close()

    def touch(self) -> None:
        """A verb ran: panels look again when the cell has ended."""
        self._touched = True

    def keep(self, result: Result, names: Sequence[str] | None = None) -> str:
        """The key for a result's record, by which front ends ask for its live model."""
        return self.registry.add(result, names, self._cell)

    def model_id(self, key: str) -> str | None:
        """The id of a record's live model, which is made when it does not live; None for an unknown key."""
        subject = self.registry.get(key)
        return self.models.of(subject) if subject is not None else None

    def widget_view(self, key: str) -> dict[str, Any]:
        """The MIME entry by which any front end with ipywidgets shows the record's live model."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id(key)}
        return {"application/vnd.jupyter.widget-view+json": view}

    @property
    def live(self) -> bool:
        """A front end that can show live builds has said hello."""
        with self._lock:
            return any(told["widgets"] for told in self._hellos.values())

    def live_build(self, title: str) -> LiveBuild | None:
        """The view of a build that begins; None in a cell that may hold other outputs, which it would take away."""
        if not self._cell.text.lstrip().startswith("%%container"):
            return None
        from dockmagic.lab.live import LiveBuild  # noqa: PLC0415 - not at %load_ext

        return LiveBuild(title, _make_build_model, self._shell.display_pub)

    def _comm_manager(self) -> Any:
        return getattr(getattr(self._shell, "kernel", None), "comm_manager", None)

    def _told(self, event: str) -> dict[str, Any]:
        return {"event": event, "protocol": PROTOCOL, "version": self._version}

    def _before(self, info: Any) -> None:
        self._cell = Cell(id=str(getattr(info, "cell_id", None) or ""), text=str(info.raw_cell or ""))
        self.models.close_cell(self._cell.id)

    def _after(self, result: Any) -> None:
        del result
        self._cell = Cell()
        if self._touched:
            self._touched = False
            self._changed()

    def _changed(self) -> None:
        with self._lock:
            panels = list(self._panels.values())
        for panel in panels:
            panel.send({"event": "changed"})

    def _connected(self, comm: Any, message: Mapping[str, Any]) -> None:
        hello = message["content"].get("data") or {}
        speaks = hello.get("protocol") == PROTOCOL
        with self._lock:
            self._hellos[comm.comm_id] = {"comm": comm, "widgets": speaks and bool(hello.get("widgets"))}
        comm.on_close(lambda _: self._forget(self._hellos, comm.comm_id))
        comm.on_msg(lambda heard: self._reply(comm, heard, self._answer))
        comm.send(self._told("welcome") | {"live": self.live})

    def _panel_connected(self, comm: Any, message: Mapping[str, Any]) -> None:
        del message
        from dockmagic.lab.panel import Panel  # noqa: PLC0415 - not at %load_ext

        panel = Panel(self._engine(), self._version)
        with self._lock:
            self._panels[comm.comm_id] = comm

        def heard(told: Mapping[str, Any]) -> None:
            self._reply(comm, told, panel.answer)
            if told["content"]["data"].get("method") == "act":
                self._changed()

        comm.on_close(lambda _: self._forget(self._panels, comm.comm_id))
        comm.on_msg(heard)

    def _forget(self, table: dict[str, Any], comm_id: str) -> None:
        with self._lock:
            table.pop(comm_id, None)

    def _reply(self, comm: Any, heard: Mapping[str, Any], answer: Any) -> None:
        told = reply(heard["content"]["data"], answer)
        if told is not None:
            comm.send(told)

    def _answer(self, method: str, params: Mapping[str, Any]) -> Any:
        from dockmagic.errors import UsageError  # noqa: PLC0415 - one home for the handlers' imports

        if method == "model":
            return self._model(params)
        if method == "diagnose":
            from dockmagic.lab.diagnostics import diagnose  # noqa: PLC0415 - not at %load_ext

            text = str(params.get("text", ""))
            return {"diagnostics": diagnose(text, self._dockerfile_of(text))}
        raise UsageError("the kernel has no such request")

    def _model(self, params: Mapping[str, Any]) -> dict[str, Any]:
        subject = self.registry.get(str(params.get("key", "")))
        if subject is None:
            from dockmagic.lab.restored import restored  # noqa: PLC0415 - not at %load_ext

            subject = restored(self._engine(), params)
        return {"model_id": None} if subject is None else {"model_id": self.models.of(subject), "exact": subject.exact}

    def _make_model(self, subject: Subject) -> Any:
        from dockmagic.lab.source import EngineSource  # noqa: PLC0415 - ipywidgets is not imported before it is needed
        from dockmagic.widgets.explorer import Explorer  # noqa: PLC0415
        from dockmagic.widgets.widget import RecordWidget  # noqa: PLC0415

        source = EngineSource(self._engine(), subject, self.registry)
        explorer = Explorer(source)

        def answer(method: str, params: Mapping[str, Any]) -> Any:
            result = explorer.answer(method, params)
            if method == "act":
                self._changed()
            return result

        return RecordWidget(source.summary().to_json(), lambda data: reply(data, answer))


def _make_build_model(state: dict[str, Any]) -> Any:
    from dockmagic.widgets.widget import BuildWidget  # noqa: PLC0415 - ipywidgets is not imported before it is needed

    return BuildWidget(state)
