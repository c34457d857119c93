from __future__ import annotations

from dockmagic.results import Run
from tests.unit.record.given import BASE, container, image, layer

RESULT = Run(
    exit_code=2,
    stopped="",
    changes={"/filling": "C"},
    container=container("fish1", "bread:1"),
    image=image(BASE, layer("COPY <<EOF /filling", 9, 1), "ENV OVEN=hot", tags=("bread:1",)),
    kept=True,
)
