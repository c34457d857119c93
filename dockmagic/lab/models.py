"""Live widget models: one for each record, made when a front end asks, closed when the cell runs again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from dockmagic.lab.registry import Subject


class Model(Protocol):
    """A widget."""

    @property
    def model_id(self) -> str | None:
        """The id of its comm, None when it is closed."""
        ...

    def close(self) -> None:
        """End it in every front end."""
        ...


class Models:
    """The models of this kernel.

    Args:
        make: makes the model of a record.
    """

    def __init__(self, make: Callable[[Subject], Model]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._open: dict[str, tuple[Subject, Model]] = {}

    def of(self, subject: Subject) -> str | None:
        """The id of the record's model, which is made when it does not live."""
        with self._lock:
            known = self._open.get(subject.key)
            if known is not None and known[1].model_id:
                return known[1].model_id
            model = self._make(subject)
            self._open[subject.key] = (subject, model)
            return model.model_id

    def close_cell(self, cell_id: str) -> None:
        """Close the models of a cell's records."""
        if not cell_id:
            return
        with self._lock:
            keys = [key for key, (subject, _) in self._open.items() if subject.cell.id == cell_id]
            models = [self._open.pop(key)[1] for key in keys]
        for model in models:
            model.close()

    def close(self) -> None:
        """Close all."""
        with self._lock:
            models = [model for _, model in self._open.values()]
            self._open.clear()
        for model in models:
            model.close()
