from __future__ import annotations

from dockmagic.changes import ChangedPath
from dockmagic.results import Isolation, Run
from tests.unit.record.given import MEGABYTE, changes, container, image, layer

PATHS = (
    ChangedPath(path="/var/lib/dpkg/status-old", kind="C", size=71_500),
    ChangedPath(path="/root/.cache/fontlist-v390.json", kind="A", size=31_000),
    ChangedPath(path="/etc/passwd", kind="C", size=201),
    ChangedPath(path="/app/config.toml", kind="C", size=412),
    ChangedPath(path="/app/out/log.txt", kind="A", size=1_900),
    ChangedPath(path="/app/out/plot.svg", kind="A", size=8_100),
    ChangedPath(path="/app/out/report.csv", kind="A", size=12_400),
    ChangedPath(path="/app/seed.txt", kind="D", size=84),
    *(ChangedPath(path=f"/root/.cache/pip/{n:02}", kind="A", size=8_000) for n in range(10)),
    ChangedPath(path="/usr/bin/tool", kind="C", note="mode 644 -> 755"),
)
RESULT = Run(
    exit_code=0,
    stopped="",
    changes=changes([f"{path.kind} {path.path}" for path in PATHS]),
    paths=PATHS,
    isolation=Isolation(tier="T1", ids="range", network="none", notes=("no memory limit on this machine",)),
    seconds=1.8,
    container=container("sensor-report-1f2e3d4c", "sensor-report:dev"),
    image=image(
        layer("ADD rootfs.tar.xz /", 74 * MEGABYTE + 800_000, 6093),
        'CMD ["bash"]',
        layer("RUN apt-get install -y python3-minimal python3-pip", 41 * MEGABYTE + 200_000, 1842),
        layer("COPY requirements.txt /app/", 84, 1),
        layer("RUN pip install -r requirements.txt", 38 * MEGABYTE + 600_000, 2310),
        layer("COPY app.py /app/", 3_100, 1),
        'CMD ["python3", "/app/app.py"]',
        tags=("sensor-report:dev", "sensor-report:old"),
    ),
)
