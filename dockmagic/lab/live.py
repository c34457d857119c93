"""The view of a build that goes on: shown below the cell while it runs, gone before anything that is kept."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from dockmagic.events import Event

# A build from the cache is over before a view of it could be read.
_PATIENCE_SECONDS = 0.3
_INTERVAL_SECONDS = 0.2
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


class BuildModel(Protocol):
    """A widget that shows a build."""

    @property
    def model_id(self) -> str | None:
        """The id of its comm."""
        ...

    def show(self, summary: dict[str, Any]) -> None:
        """Draw this state."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class LiveBuild:
    """Takes a build's events, and shows them from a thread of its own: a step may be silent for long.

    Args:
        title: the image's name as the cell gives it.
        make: makes the widget for a first state.
        publisher: the shell's display publisher.
    """

    def __init__(self, title: str, make: Callable[[dict[str, Any]], BuildModel], publisher: Any) -> None:
        from dockmagic.widgets.steps import Progress  # noqa: PLC0415 - not at %load_ext

        self._progress = Progress(title=title)
        self._make = make
        self._publisher = publisher
        self._begin = time.monotonic()
        self._model: BuildModel | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()
        # In a copy of this context, so that what the thread shows belongs to this cell.
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._show,), name="dockmagic-live", daemon=True).start()

    def take(self, event: Event) -> None:
        """One event."""
        self._progress = self._progress.after(event)

    def close(self) -> None:
        """Take the view away: the next output below the cell stands in its place.

        A model that is still being made is not waited for: it is never shown.
        """
        self._ended.set()
        with self._lock:
            model, self._model = self._model, None
        if model is not None:
            self._publisher.clear_output(wait=True)
            model.close()

    def _show(self) -> None:
        if self._ended.wait(_PATIENCE_SECONDS):
            return
        model = self._make(self._state())
        with self._lock:
            if self._ended.is_set():
                model.close()
                return
            self._model = model
            view = {"version_major": 2, "version_minor": 0, "model_id": model.model_id}
            self._publisher.publish(data={"text/plain": "Building...", WIDGET_MIME: view})
        while not self._ended.wait(_INTERVAL_SECONDS):
            with self._lock:
                if self._model is not None:
                    self._model.show(self._state())

    def _state(self) -> dict[str, Any]:
        # The time in tenths, so that a state in which nothing happened is sent no more often than it shows.
        return self._progress.to_json() | {"ms": 100 * round((time.monotonic() - self._begin) * 10)}
