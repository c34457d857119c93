from __future__ import annotations

from tests.unit.record.given import container

RESULT = container("fish1", "bread:1", exit_code=0, changes={"/filling": "C", "/etc/motd": "A"}, size_rw=23)
