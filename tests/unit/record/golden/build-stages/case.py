from __future__ import annotations

from dockmagic.results import Build
from tests.unit.record.given import image, layer, rows

COMPILE = layer("RUN cc -o /fish fish.c", 8_000, 1)
BOTTOM = layer("/bin/sh -c #(nop) ADD file:0a1b in / ", 74_800_000, 6093)
UPPER = layer("COPY certs /etc/ssl/", 200_000, 140)
COMMON = layer("COPY common /etc/", 40, 1)
FISH = layer("COPY --from=oven /fish /", 8_000, 1)
RESULT = Build(
    image=image(
        BOTTOM,
        "ENV A=1",
        UPPER,
        COMMON,
        FISH,
        'ENTRYPOINT ["/fish"]',
        tags=("fish:2",),
        config={"Entrypoint": ["/fish"]},
    ),
    steps=(),
    log="",
    exit_code=0,
    rows=rows(
        "FROM localhost/base AS oven",
        COMPILE,
        "FROM registry.example/debian:12 AS Common",
        COMMON,
        "FROM --platform=linux/amd64 common",
        FISH,
        'ENTRYPOINT ["/fish"]',
    ),
)
