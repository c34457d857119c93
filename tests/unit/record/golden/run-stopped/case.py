from __future__ import annotations

from dockmagic.results import Run
from tests.unit.record.given import BASE, container, image, layer

RESULT = Run(
    exit_code=137,
    stopped="memory limit",
    changes={"/app/out/partial.csv": "A"},
    seconds=10.0,
    container=container("sensor-report-1f2e3d4c", "sensor-report:base"),
    image=image(BASE, layer("RUN apt-get install -y python3-minimal python3-pip", 41_200_000, 1842)),
)
