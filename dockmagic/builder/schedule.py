"""Stages in their order, those that do not need each other at the same time.

Work is done by threads; everything is told in the calling thread, and in the order of the stages whatever the order of
the work: what a later stage does is told when the earlier ones have been.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from dockmagic.builder.plan import PlannedStage
from dockmagic.builder.running import Running
from dockmagic.builder.stagework import BuiltStage, Emit
from dockmagic.events import Event

Work = Callable[[PlannedStage, Mapping[int, BuiltStage], Emit], BuiltStage]
_MOST_AT_ONCE = 8


def run_stages(stages: Sequence[PlannedStage], work: Work, emit: Emit, running: Running) -> dict[int, BuiltStage]:
    """Build stages, each behind what it needs.

    Args:
        stages: in an order in which each stands behind what it needs.
        work: builds one.
        emit: is told of everything, in this thread.
        running: the build's processes; they are interrupted once a stage has failed.

    Returns:
        What became of the stages that were begun, by number; after a failure the one that failed first is the last.

    Raises:
        KeyboardInterrupt: all processes were interrupted and have ended.
    """
    if _is_chain(stages):
        return _one_by_one(stages, work, emit)
    return _Schedule(stages=stages, work=work, emit=emit, running=running).run()


def _is_chain(stages: Sequence[PlannedStage]) -> bool:
    """Whether no two of them could be built at the same time."""
    return all(before.index in after.needs for before, after in pairwise(stages))


def _one_by_one(stages: Sequence[PlannedStage], work: Work, emit: Emit) -> dict[int, BuiltStage]:
    done: dict[int, BuiltStage] = {}
    for stage in stages:
        done[stage.index] = work(stage, done, emit)
        if done[stage.index].error is not None:
            break
    return done


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """What a thread tells: an event, how its stage ended, or what went wrong that is no fault of the build."""

    position: int
    content: Event | BuiltStage | BaseException


@dataclass(slots=True, kw_only=True)
class _Schedule:
    """Several stages while they are built."""

    stages: Sequence[PlannedStage]
    work: Work
    emit: Emit
    running: Running
    done: dict[int, BuiltStage] = field(default_factory=dict)
    failed: list[int] = field(default_factory=list)
    begun: dict[int, threading.Thread] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    untold: dict[int, list[Event]] = field(default_factory=dict)
    turn: int = 0
    messages: queue.SimpleQueue[_Message] = field(default_factory=queue.SimpleQueue)

    def run(self) -> dict[int, BuiltStage]:
        try:
            self._begin()
            while len(self.ended) < len(self.begun):
                self._take(self.messages.get())
                self._begin()
        finally:
            # Left by an interrupt or by a listener's exception, nothing may go on behind the caller's back.
            if len(self.ended) < len(self.begun):
                self.running.stop()
            for thread in self.begun.values():
                thread.join()
        for position in self.failed:
            index = self.stages[position].index
            self.done[index] = self.done.pop(index)
        return self.done

    def _begin(self) -> None:
        """Start the stages that are ready."""
        if self.running.stopped:
            return
        limit = max(2, min(_MOST_AT_ONCE, os.cpu_count() or 1))
        for position, stage in enumerate(self.stages):
            if position in self.begun or not stage.needs <= self.done.keys():
                continue
            if len(self.begun) - len(self.ended) >= limit:
                return
            thread = threading.Thread(target=self._work, args=(position, dict(self.done)), name=f"stage {stage.title}")
            self.begun[position] = thread
            thread.start()

    def _work(self, position: int, done: Mapping[int, BuiltStage]) -> None:
        """In a thread of its own."""

        def tell(event: Event) -> None:
            self.messages.put(_Message(position=position, content=event))

        try:
            ending: BuiltStage | BaseException = self.work(self.stages[position], done, tell)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            ending = error
        self.messages.put(_Message(position=position, content=ending))

    def _take(self, message: _Message) -> None:
        match message.content:
            case BuiltStage() as built:
                self.ended.add(message.position)
                self.done[self.stages[message.position].index] = built
                if built.error is not None and not self.running.stopped:
                    self.failed = [message.position]
                    self.running.stop()
            case BaseException() as error:
                self.ended.add(message.position)
                raise error
            case event:
                self.untold.setdefault(message.position, []).append(event)
        self._tell()

    def _tell(self) -> None:
        """Tell what has its turn: everything of the first stage that has not ended, and of those before it."""
        while self.turn < len(self.stages):
            for event in self.untold.pop(self.turn, ()):
                self.emit(event)
            if self.turn not in self.ended and not (self.running.stopped and self.turn not in self.begun):
                return
            self.turn += 1
