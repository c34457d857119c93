"""Results of any kind, with names as hostile as a container or a registry can make them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from dockmagic.changes import ChangedPath
from dockmagic.errors import BuildError
from dockmagic.results import Build, Container, Diff, HistoryEntry, Image, Isolation, Layer, Row, Run, Step
from tests.unit.record.given import changed

PAYLOADS = (
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "' style='position:fixed' onmouseover='alert(1)",
    "javascript:alert(1)",
    "{{7*7}} ${7*7}",
    "</td></tr></table></div><script>alert(1)</script>",
    "&lt;b&gt; &amp; &#60;",
    "a\u202egnp.exe",
    "zero\u200bwidth\u2066\u2069\ufeff",
    "line\nfeed\r\x1b[31mred\x1b]8;;javascript:alert(1)\x07",
    "\udcff\udc80\ud800\U000e0041",
    "보고서 최종.txt",
    "x" * 10_000,
    "가" * 3_000,
    "e" + "\u0301" * 2_000,
)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
DIGESTS = HEX.map("sha256:".__add__)
TEXTS = st.text(st.characters(exclude_categories=()), max_size=90) | st.sampled_from(PAYLOADS)
# An id is no name: what looks like one is left out of the data, so names here cannot be one.
NAMES = TEXTS.map("n".__add__)
PATHS = TEXTS.map("/".__add__) | st.sampled_from(["/etc/passwd", "/usr/lib", "/var/x", "/root/.cache/y", "/app"])
COUNTS = st.integers(0, 1 << 42)
SECONDS = st.floats(0, 1e5)
KINDS = st.sampled_from(["A", "C", "D"])
CHANGES = st.dictionaries(PATHS, KINDS, max_size=14)
INSTRUCTIONS = TEXTS | st.builds(
    "{} {}".format, st.sampled_from(["FROM", "RUN", "COPY", "ENV", "CMD", "WORKDIR", "ARG", "|1 A=b"]), TEXTS
)


def tuples(of: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=most).map(tuple)


LAYERS = st.builds(
    Layer,
    diff_id=DIGESTS,
    digest=DIGESTS,
    size=COUNTS,
    files=COUNTS,
    instruction=INSTRUCTIONS,
    changes=CHANGES,
    host_made=st.booleans(),
    volatile=st.booleans(),
)
ENTRIES = st.builds(
    HistoryEntry, created_by=TEXTS, instruction=INSTRUCTIONS, layer=st.none() | LAYERS, created=TEXTS, comment=TEXTS
)


def _image(entries: Sequence[HistoryEntry], **given: Any) -> Image:
    return Image(entries=tuple(entries), layers=tuple(e.layer for e in entries if e.layer is not None), **given)


IMAGES = st.builds(
    _image,
    st.lists(ENTRIES, max_size=14),
    id=DIGESTS,
    tags=tuples(NAMES, 2),
    names=tuples(NAMES, 2),
    config=st.fixed_dictionaries({"created": TEXTS, "config": st.sampled_from([{}, {"Cmd": ["sh"]}])}),
    digest=DIGESTS,
)
ROWS = st.builds(
    Row,
    instruction=INSTRUCTIONS,
    line=st.integers(0, 400),
    kind=st.sampled_from(["from", "step", "setting"]),
    layer=st.none() | LAYERS,
    failed=st.booleans(),
    done=st.booleans(),
)
STEPS = st.builds(
    Step,
    instruction=INSTRUCTIONS,
    line=st.integers(1, 400),
    cached=st.booleans(),
    reason=TEXTS,
    seconds=SECONDS,
    layer=st.none() | LAYERS,
)
BUILDS = st.builds(
    Build,
    image=st.none() | IMAGES,
    steps=tuples(STEPS),
    log=TEXTS,
    exit_code=st.sampled_from([0, 1, 125, 127, 137]),
    error=st.none() | st.builds(BuildError, TEXTS, line=st.integers(0, 9), log=TEXTS),
    rows=tuples(ROWS, 8),
    warnings=tuples(TEXTS, 10),
    notes=tuples(TEXTS),
    seconds=SECONDS,
)
CONTAINERS = st.builds(
    Container,
    id=HEX,
    name=NAMES,
    status=st.sampled_from(["created", "running", "exited"]),
    image_id=DIGESTS,
    image=NAMES,
    changes=st.builds(changed, CHANGES, COUNTS),
    exit_code=st.none() | st.integers(0, 255),
)
CHANGED = st.builds(ChangedPath, path=PATHS, kind=KINDS, size=st.none() | COUNTS, note=TEXTS)
ISOLATIONS = st.builds(
    Isolation,
    tier=st.sampled_from(["T0", "T1"]),
    ids=st.sampled_from(["range", "single"]),
    network=st.sampled_from(["none", "host"]),
    notes=tuples(TEXTS),
)
RUNS = st.builds(
    Run,
    exit_code=st.integers(0, 255),
    stopped=st.sampled_from(["", "", "timeout", "memory limit", "killed", "interrupted"]),
    stdout=TEXTS,
    stderr=TEXTS,
    output=TEXTS,
    changes=CHANGES,
    isolation=st.none() | ISOLATIONS,
    seconds=SECONDS,
    container=st.none() | CONTAINERS,
    image=st.none() | IMAGES,
    build=st.none() | BUILDS,
    verb=st.sampled_from(["run", "exec"]),
    kept=st.booleans(),
)
DIFFS = st.builds(Diff, changes=CHANGES, paths=tuples(CHANGED, 12))
RESULTS = st.one_of(RUNS, BUILDS, IMAGES, LAYERS, CONTAINERS, DIFFS)
