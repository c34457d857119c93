from __future__ import annotations

from dockmagic.results import Build, Run, Step
from tests.unit.record.given import BASE, container, image, layer, rows

COPY = layer("COPY <<EOF /filling", 9, 1)
IMAGE = image(BASE, COPY, "ENV OVEN=hot", tags=("bread:1",))
RESULT = Run(
    exit_code=0,
    stopped="",
    changes={"/note": "A"},
    container=container("bread-1-0a1b2c3d", "bread:1"),
    image=IMAGE,
    build=Build(
        image=IMAGE,
        steps=(Step(instruction="COPY <<EOF /filling", line=2, cached=False, reason="no cache yet", seconds=0.02),),
        log="",
        exit_code=0,
        rows=rows("FROM localhost/base", COPY, "ENV OVEN=hot"),
        seconds=0.5,
    ),
)
