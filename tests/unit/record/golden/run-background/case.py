from __future__ import annotations

from dockmagic.results import Run
from tests.unit.record.given import BASE, container, image

RESULT = Run(
    exit_code=0,
    stopped="",
    changes={"/half": "A"},
    container=container("oven", "bread:1", "running"),
    image=image(BASE, tags=("bread:1",)),
    kept=True,
)
