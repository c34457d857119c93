"""Judge every row of a data file."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.table import judge_of
from tests.conformance.verdict import NotJudgedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A data file's outcome: rows that passed, misses with their reasons, rows that nobody judges yet."""

    name: str
    passed: int
    misses: tuple[tuple[str, str], ...]
    unjudged: tuple[tuple[str, str], ...]

    @property
    def total(self) -> int:
        return self.passed + len(self.misses)

    @property
    def share(self) -> float:
        return self.passed / self.total if self.total else 1.0

    def __str__(self) -> str:
        unjudged = f" ({len(self.unjudged)} not judged)" if self.unjudged else ""
        return f"{self.name} {self.passed}/{self.total}{unjudged}"


def score(path: Path) -> Score:
    """Judge the rows of ``path``; an exception that no row asks for is a miss."""
    judge = judge_of(path.stem)
    passed = 0
    misses: list[tuple[str, str]] = []
    unjudged: list[tuple[str, str]] = []
    for row in json.loads(path.read_text("utf-8")):
        try:
            reason = judge(row)
        except NotJudgedError as why:
            unjudged.append((row["id"], str(why)))
            continue
        except Exception as error:  # noqa: BLE001 - whatever escapes is a miss
            reason = f"raised {''.join(traceback.format_exception_only(error)).strip()}"
        if reason is None:
            passed += 1
        else:
            misses.append((row["id"], reason))
    return Score(name=path.stem, passed=passed, misses=tuple(misses), unjudged=tuple(unjudged))
