from __future__ import annotations

import pytest

from dockmagic.dockerfile.completion import MOUNT_KEYS, complete
from dockmagic.dockerfile.instructions.mounts import TYPES, parse_mount
from dockmagic.dockerfile.instructions.reading import NAMES

TWO = "FROM localhost/base AS make\nFROM bread:1 AS bake\n"


def offered(before):
    found = complete(before, images=lambda: ["bread:1", "menu:1"], files=lambda text: [f"{text}.txt"])
    assert before.endswith(found.fragment)
    return list(found.words)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("F", ["FROM"]),
        ("fr", ["from"]),
        ("FROM x\nHEA", ["HEALTHCHECK"]),
        ("FROM x\nONBUILD CO", ["COPY"]),
        ("FROM x\nRUN --", ["--device=", "--mount=", "--network=", "--security="]),
        ("FROM x\nRUN --mo", ["--mount="]),
        ("FROM x\nCOPY --link --ch", ["--chmod=", "--chown="]),
        ("FROM x\nCOPY --l", ["--link"]),
        ("FROM x\nADD --ch", ["--checksum=", "--chmod=", "--chown="]),
        ("FROM x\nHEALTHCHECK --t", ["--timeout="]),
        ("FROM --p", ["--platform="]),
        ("FROM x\nENV --", []),
        ("FROM x\nRUN --network=", ["default", "host", "none"]),
        ("FROM x\nRUN --mount=type=", sorted(TYPES)),
        ("FROM x\nRUN --mount=type=ca", ["cache"]),
        ("FROM x\nRUN --mount=ty", ["type="]),
        ("FROM x\nRUN --mount=type=cache,sh", ["sharing="]),
        ("FROM x\nRUN --mount=type=cache,sharing=", ["locked", "private", "shared"]),
        ("FROM x\nRUN --mount=type=tmpfs,", ["size=", "target="]),
        ("FROM x\nRUN --mount=type=secret,id=a,re", ["required"]),
        (f"{TWO}RUN --mount=from=", ["bake", "bread:1", "make", "menu:1"]),
        (f"{TWO}COPY --from=ma", ["make"]),
        (f"{TWO}COPY --from=", ["bake", "bread:1", "make", "menu:1"]),
        (f"{TWO}FROM m", ["make", "menu:1"]),
        ("FROM ", ["bread:1", "localhost/base", "localhost/python", "menu:1", "scratch"]),
        ("FROM --platform=linux/amd64 br", ["bread:1"]),
        ("FROM bread:", ["bread:1"]),
        ("FROM bread:1 ", ["AS"]),
        ("FROM x\nCOPY a", ["a.txt"]),
        ("FROM x\nCOPY a b", ["b.txt"]),
        ("FROM x\nADD --chown=1 a/", ["a/.txt"]),
        ("FROM x\nCOPY --from=x a", []),
        ("FROM x\nARG WHO=me\nENV HOME=/h PATH=/p\nRUN echo $", ["HOME", "PATH", "WHO"]),
        ("FROM x\nARG WHO\nCOPY a ${W", ["WHO"]),
        ("FROM x\nRUN --network=none \\\n --mo", ["--mount="]),
        ("# escape=`\nFROM x\nRUN --network=none `\n# why\n --mo", ["--mount="]),
    ],
)
def test_what_fits_is_offered(before, expected):
    assert offered(before) == expected


@pytest.mark.parametrize(
    "before",
    [
        "FROM x\n# CO",
        "FROM x\nRUN <<EOF\nCO",
        "FROM x\nCOPY <<A <<B /x\none\nA\nRU",
        "FROM x\nRUN \\\nCO",
        "FROM x\nRUN echo --mo",
        "FROM x\nCOPY a --fr",
        "FROM x\nMAINT",
        "# escape=x\nFR",
        "FROM a AS ",
        "FROM x\nRUN --mount=type=nothing,",
        "FROM x\nRUN --nothing=",
        "F\x00",
    ],
)
def test_nothing_is_offered_where_nothing_is_known(before):
    assert offered(before) == []


def test_every_instruction_and_behind_a_heredoc_again():
    assert offered("") == sorted(set(NAMES) - {"MAINTAINER"})
    assert offered("FROM x\nRUN <<EOF\nCOPY\nEOF\nCO") == ["COPY"]


@pytest.mark.parametrize("kind", TYPES)
def test_every_key_of_a_mount_that_is_offered_is_one(kind):
    values = {"type": kind, "size": "1m", "mode": "600", "uid": "0", "gid": "0", "sharing": "shared"}
    for key in MOUNT_KEYS[kind]:
        field = key if key in {"ro", "rw", "required"} else f"{key}={values.get(key, 'x')}"
        identity = ",id=y" if kind == "secret" and key != "id" else ""
        assert parse_mount(f"type={kind}{identity},{field}").type == kind
