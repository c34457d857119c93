"""The view of a build that goes on: shown below the cell while it runs, gone before anything that is kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from dockmagic.events import Event

# A build from the cache is over before a view of it could be read.
_PATIENCE_SECONDS = 0.3
_INTERVAL_SECONDS = 0.1
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
    """Takes a build's events.

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
        self._shown = 0.0
        self._model: BuildModel | None = None

    def take(self, event: Event) -> None:
        """Show one event, at most ten times a second."""
        self._progress = self._progress.after(event)
        now = time.monotonic()
        if now - self._begin < _PATIENCE_SECONDS or now - self._shown < _INTERVAL_SECONDS:
            return
        self._shown = now
        if self._model is None:
            self._open()
        else:
            self._model.show(self._state(now))

    def close(self) -> None:
        """Take the view away: the next output below the cell stands in its place."""
        if self._model is None:
            return
        self._publisher.clear_output(wait=True)
        self._model.close()
        self._model = None

    def _open(self) -> None:
        self._model = self._make(self._state(time.monotonic()))
        view = {"version_major": 2, "version_minor": 0, "model_id": self._model.model_id}
        self._publisher.publish(data={"text/plain": "Building...", WIDGET_MIME: view})

    def _state(self, now: float) -> dict[str, Any]:
        return self._progress.to_json() | {"ms": round((now - self._begin) * 1000)}
