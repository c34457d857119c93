from __future__ import annotations

from tests.unit.record.given import BASE

RESULT = BASE
