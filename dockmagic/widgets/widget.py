"""The anywidget classes: traits and messages; everything that is drawn is in ``static/widget.js``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

import anywidget
import traitlets

Reply = Callable[[object], Mapping[str, Any] | None]


def _static(name: str) -> str:
    return files("dockmagic.widgets").joinpath("static", name).read_text("utf-8")


_ESM = _static("widget.js")
_CSS = _static("widget.css")


class _Widget(anywidget.AnyWidget):
    """What both have: their front end, and an end that leaves nothing open."""

    _esm = _ESM
    _css = _CSS
    summary = traitlets.Dict().tag(sync=True)

    def close(self) -> None:
        """End it in every front end, with the layout model that ipywidgets made for it and would keep."""
        layout = self.layout
        super().close()
        if layout is not None:
            layout.close()


class RecordWidget(_Widget):
    """The live view of a record.

    Args:
        summary: what is drawn at first paint.
        reply: answers a custom message; None for no answer.
    """

    view = traitlets.Unicode("record").tag(sync=True)

    def __init__(self, summary: Mapping[str, Any], reply: Reply) -> None:
        super().__init__(summary=dict(summary))
        self._reply = reply
        self.on_msg(self._heard)

    def _heard(self, _: object, content: object, buffers: object) -> None:
        del buffers
        told = self._reply(content)
        if told is not None:
            self.send(dict(told))


class BuildWidget(_Widget):
    """The view of a build that goes on.

    Args:
        state: as :meth:`dockmagic.widgets.steps.Progress.to_json` tells it.
    """

    view = traitlets.Unicode("build").tag(sync=True)

    def __init__(self, state: Mapping[str, Any]) -> None:
        super().__init__(summary=dict(state))

    def show(self, summary: dict[str, Any]) -> None:
        """Draw this state."""
        self.summary = summary
