from __future__ import annotations

from dockmagic.results import Build
from tests.unit.record.given import image, rows

RESULT = Build(image=image(), steps=(), log="", exit_code=0, rows=rows("FROM scratch"))
