from __future__ import annotations

from tests.unit.record.given import image, layer

RESULT = image(
    layer("ADD rootfs.tar /", 74_800_000, 6093),
    "ENV PATH=/usr/local/bin",
    "ENV LANG=C.UTF-8",
    "ARG SECRET=hunter2",
    layer("|1 SECRET=hunter2 /bin/sh -c make install", 20, 1, volatile=True),
    "RUN true",
    "ENV A=1",
    "ENV B=2",
    "LABEL maintainer=me",
    "EXPOSE 80",
    "USER bob",
    layer("", 5, 1),
    'CMD ["sh"]',
    tags=("site:3", "site:latest"),
)
