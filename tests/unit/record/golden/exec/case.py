from __future__ import annotations

from dockmagic.changes import ChangedPath
from dockmagic.results import Run
from tests.unit.record.given import BASE, container, image, layer

RESULT = Run(
    verb="exec",
    exit_code=0,
    stopped="",
    changes={"/note": "D"},
    paths=(ChangedPath(path="/note", kind="D", size=16),),
    container=container("fish1", "bread:1", changes={"/filling": "C"}),
    image=image(BASE, layer("COPY <<EOF /filling", 9, 1), tags=("bread:1",)),
    kept=True,
)
