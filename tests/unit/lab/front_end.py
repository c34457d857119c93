"""A front end made of messages: real comm managers and widgets on this side, lists of what was sent on the other."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace
from typing import Any

import comm
from comm.base_comm import BaseComm, CommManager
from IPython.core.events import EventManager, available_events


class Wire:
    """Everything that the kernel published, in order: (message type, comm id, target, data)."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str, Any]] = []
        self.manager = CommManager()
        self._ids = count(1)

    def create_comm(self, *args: Any, **fields: Any) -> BaseComm:
        wire = self

        class RecordedComm(BaseComm):
            def publish_msg(
                self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
            ) -> None:
                wire.sent.append((msg_type, self.comm_id, self.target_name, data))

        made = RecordedComm(*args, **fields)
        self.manager.register_comm(made)
        return made

    def opened(self, target: str) -> list[tuple[str, Any]]:
        return [(comm_id, data) for kind, comm_id, name, data in self.sent if kind == "comm_open" and name == target]

    def closed(self) -> list[str]:
        return [comm_id for kind, comm_id, _, _ in self.sent if kind == "comm_close"]

    def messages(self, comm_id: str) -> list[Any]:
        return [data for kind, found, _, data in self.sent if kind == "comm_msg" and found == comm_id]

    def open(self, target: str, data: Any = None) -> str:
        """The front end opens a comm."""
        comm_id = f"front-{next(self._ids)}"
        content = {"comm_id": comm_id, "target_name": target, "data": data or {}}
        self.manager.comm_open(None, None, {"content": content})
        return comm_id

    def say(self, comm_id: str, data: Any) -> None:
        self.manager.comm_msg(None, None, {"content": {"comm_id": comm_id, "data": data}, "buffers": []})

    def ask(self, comm_id: str, method: str, **params: Any) -> Any:
        """A request and its reply: the result, or the error."""
        number = next(self._ids)
        self.say(comm_id, {"id": number, "method": method, "params": params})
        (found,) = [told for told in self.messages(comm_id) if told.get("id") == number]
        return found.get("result", found.get("error"))

    def ask_widget(self, model_id: str, method: str, **params: Any) -> Any:
        """The same as a custom message of a widget."""
        number = next(self._ids)
        self.say(model_id, {"method": "custom", "content": {"id": number, "method": method, "params": params}})
        told = [data["content"] for data in self.messages(model_id) if data.get("method") == "custom"]
        (found,) = [each for each in told if each["id"] == number]
        return found.get("result", found.get("error"))


class Publisher:
    """Notes what is displayed."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def publish(self, data: Any, metadata: Any = None) -> None:
        self.events.append(data)

    def clear_output(self, *, wait: bool = False) -> None:
        self.events.append("clear" if not wait else "clear later")


class Shell:
    """As much of IPython's shell as the lab needs; ``kernel`` is missing in a terminal."""

    def __init__(self, wire: Wire | None) -> None:
        self.events = EventManager(self, available_events)
        self.display_pub = Publisher()
        if wire is not None:
            self.kernel = SimpleNamespace(comm_manager=wire.manager)

    def begin(self, text: str, cell_id: str = "cell-1") -> None:
        self.events.trigger("pre_run_cell", SimpleNamespace(raw_cell=text, cell_id=cell_id))

    def end(self) -> None:
        self.events.trigger("post_run_cell", None)


def plugged(monkeypatch: Any) -> Wire:
    """A wire that every comm of this process goes over."""
    wire = Wire()
    monkeypatch.setattr(comm, "create_comm", wire.create_comm)
    monkeypatch.setattr(comm, "get_comm_manager", lambda: wire.manager)
    return wire
