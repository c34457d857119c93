"""The widget's requests answered: look-ups go to a source, everything else is computed here, once.

A request may come from any thread; one is answered at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from dockmagic.errors import UsageError
from dockmagic.listing import Content, Difference, File
from dockmagic.record.escape import visible
from dockmagic.record.reading import shown_path
from dockmagic.widgets import content, waste
from dockmagic.widgets.comparison import Comparison, told
from dockmagic.widgets.summary import Summary, Tray
from dockmagic.widgets.tree import Tree

_MOST_WASTED = 100
_MOST_TREES = 6


class Source(Protocol):
    """What a widget looks at; :mod:`dockmagic.lab` implements it on the engine. Every method may raise a DockmagicError."""

    def summary(self) -> Summary:
        """The summary as the store stands now."""
        ...

    def tree(self, tree: str) -> Tree:
        """The files of a tree by the id that the summary gave it."""
        ...

    def read(self, tree: str, path: str, limit: int) -> Content:
        """How a file of a tree begins."""
        ...

    def below(self, tree: str, path: str, limit: int) -> Content | None:
        """How the file begins that the layers below a tree's uppermost have there; None for none."""
        ...

    def layers(self) -> tuple[Sequence[waste.Changeset], Sequence[File]]:
        """The image's changesets, base first, and what stands in it."""
        ...

    def log(self, step: int) -> dict[str, Any]:
        """The log of a step of the build."""
        ...

    def tray(self) -> Tray | None:
        """The container's layer as it stands now; None when it is gone."""
        ...

    def candidates(self) -> Sequence[Mapping[str, str]]:
        """What this can be compared with: ``{"ref", "label", "group"}``."""
        ...

    def compare(self, ref: str) -> Comparison:
        """This and another side by side."""
        ...

    def act(self, action: str) -> str:
        """Do an action; the sentence that tells it."""
        ...


class Explorer:
    """Answers a widget's requests.

    Args:
        source: what it looks at.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lock = threading.RLock()
        self._trees: dict[str, Tree] = {}
        self._compared: tuple[str, Comparison] | None = None
        self.methods: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "list": self._list,
            "find": self._find,
            "content": self._content,
            "diff": self._diff,
            "layer": self._layer,
            "waste": self._waste,
            "log": self._log,
            "refresh": self._refresh,
            "summary": self._summary,
            "candidates": self._candidates,
            "compare": self._compare,
            "compare_diff": self._compare_diff,
            "act": self._act,
        }

    def answer(self, method: str, params: Mapping[str, Any]) -> Any:
        """The result of a request.

        Raises:
            UsageError: no such method, or bad parameters.
            DockmagicError: what was asked for cannot be had.
        """
        found = self.methods.get(method)
        if found is None:
            raise UsageError("the widget has no such request")
        with self._lock:
            return found(params)

    def _list(self, params: Mapping[str, Any]) -> Any:
        kinds = _words(params, "kinds")
        return self._tree(params).page(_number(params, "folder"), kinds, _number(params, "offset"))

    def _find(self, params: Mapping[str, Any]) -> Any:
        kinds = _words(params, "kinds")
        return self._tree(params).find(_word(params, "text"), kinds, _number(params, "offset"))

    def _content(self, params: Mapping[str, Any]) -> Any:
        path = self._tree(params).path(params.get("ref"))
        found = self._source.read(_word(params, "tree"), path, content.SHOWN_BYTES)
        return content.shown(found) | {"path": visible(path)}

    def _diff(self, params: Mapping[str, Any]) -> Any:
        tree, path = _word(params, "tree"), self._tree(params).path(params.get("ref"))
        state = self._tree(params).file(params.get("ref")).state
        limit = content.COMPARED_BYTES + 1
        before = self._source.below(tree, path, limit) if state != "A" else None
        after = self._source.read(tree, path, limit) if state != "D" else None
        return content.difference(before, after) | {"path": visible(path)}

    def _layer(self, params: Mapping[str, Any]) -> Any:
        tree = self._tree(params)
        return {"counts": tree.counts(), "paths": len(tree)}

    def _waste(self, params: Mapping[str, Any]) -> Any:
        del params
        layers, merged = self._source.layers()
        found = waste.waste(layers, merged)
        rows = [
            {"path": shown_path(row.path), "copies": row.copies, "size": row.size, "deleted": row.deleted}
            for row in found.paths[:_MOST_WASTED]
        ]
        return {
            "efficiency": round(found.efficiency, 4),
            "stored": found.stored,
            "wasted": found.wasted,
            "rows": rows,
            "total": len(found.paths),
        }

    def _log(self, params: Mapping[str, Any]) -> Any:
        return self._source.log(_number(params, "step"))

    def _refresh(self, params: Mapping[str, Any]) -> Any:
        del params
        tray = self._source.tray()
        self._trees.pop("rw", None)
        return {"tray": None if tray is None else asdict(tray)}

    def _summary(self, params: Mapping[str, Any]) -> Any:
        del params
        self._trees.pop("rw", None)
        return self._source.summary().to_json()

    def _candidates(self, params: Mapping[str, Any]) -> Any:
        del params
        return {"items": list(self._source.candidates())}

    def _compare(self, params: Mapping[str, Any]) -> Any:
        ref = _word(params, "with")
        self._compared = (ref, self._source.compare(ref))
        return told(self._compared[1], _number(params, "offset"))

    def _compare_diff(self, params: Mapping[str, Any]) -> Any:
        ref = _word(params, "with")
        if self._compared is None or self._compared[0] != ref:
            self._compared = (ref, self._source.compare(ref))
        comparison = self._compared[1]
        number = _number(params, "ref")
        if number >= len(comparison.differences):
            raise UsageError("there is no such row")
        different = comparison.differences[number]
        limit = content.COMPARED_BYTES + 1
        first = _side(comparison.first.read, different, different.first, limit)
        second = _side(comparison.second.read, different, different.second, limit)
        return content.difference(first, second) | {"path": visible(different.path)}

    def _act(self, params: Mapping[str, Any]) -> Any:
        done = self._source.act(_word(params, "action"))
        self._trees.clear()
        return {"done": visible(done), "summary": self._source.summary().to_json()}

    def _tree(self, params: Mapping[str, Any]) -> Tree:
        wanted = _word(params, "tree")
        found = self._trees.get(wanted)
        if found is None:
            found = self._source.tree(wanted)
            while len(self._trees) >= _MOST_TREES:
                del self._trees[next(iter(self._trees))]
            self._trees[wanted] = found
        return found


def _side(read: Callable[[str, int], Content], different: Difference, file: File | None, limit: int) -> Content | None:
    return read(different.path, limit) if file is not None else None


def _number(params: Mapping[str, Any], name: str) -> int:
    value = params.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UsageError(f"{name} is a number from 0")
    return value


def _word(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str):
        raise UsageError(f"{name} is a word")
    return value


def _words(params: Mapping[str, Any], name: str) -> list[str]:
    value = params.get(name, [])
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise UsageError(f"{name} is a list of words")
    return value
