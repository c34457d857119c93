from __future__ import annotations

from tests.unit.record.given import container

RESULT = container("oven", "bread:1", "running", changes={"/half": "A"})
