from __future__ import annotations

from dockmagic.results import Run
from tests.unit.record.given import MEGABYTE, container, image, layer

RESULT = Run(
    exit_code=2,
    stopped="",
    changes={
        "/work/\u202ename\x1b[31m\n.txt": "A",
        "/work/보고서 최종.txt": "C",
        "/a/very/long/path/that/nobody/wants/to/read/at/all/index.html": "D",
        "/\udcff<img src=x onerror=alert(1)>": "A",
    },
    container=container("monorepo-ci-1f2e3d4c", "monorepo-ci:nightly"),
    image=image(
        layer("ADD ubuntu.tar /", 78 * MEGABYTE, 3411),
        *(layer(f"COPY part{n} /opt/", 10 * MEGABYTE, 1000) for n in range(60)),
        "ENV STAGE=2",
        layer("ADD toolchain.tar.xz /opt/", 3000 * MEGABYTE, 100_000),
        *(layer(f"COPY more{n} /opt/", n, 1) for n in range(50)),
        *(layer(f"RUN make {n}", n, 1) for n in range(6)),
        layer("RUN make install", 18 * MEGABYTE, 204),
        layer("COPY report /", 912_000, 38),
    ),
)
