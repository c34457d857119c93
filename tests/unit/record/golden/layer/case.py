from __future__ import annotations

from tests.unit.record.given import layer

RESULT = layer("COPY . /app", 3_148, 3, changes={"/app": "A", "/app/a.py": "A", "/app/old": "D", "/app/b.py": "C"})
