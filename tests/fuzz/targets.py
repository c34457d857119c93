"""What is fuzzed: each target takes any bytes and ends with a result or with an error of dockmagic's own. Anything else is a finding."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from dockmagic.builder import ignorefile
from dockmagic.builder.plan import draft, plan
from dockmagic.builder.request import BuildRequest
from dockmagic.dockerfile.parser import dump, parse
from dockmagic.errors import ArchiveError, DockerfileError, UsageError
from dockmagic.layers.compression import Decompressed
from dockmagic.layers.tar_reader import BLOCK, Readable, TarReader
from dockmagic.layers.tar_writer import END, header, padding
from dockmagic.oci import config as configs
from dockmagic.oci import manifest as manifests
from dockmagic.oci.changeset import Entry
from dockmagic.oci.config import ContainerConfig, ImageConfig

Target = Callable[[bytes], None]
_BASE = ImageConfig(
    architecture="amd64",
    os="linux",
    config=ContainerConfig(env=("PATH=/bin", "A=b c"), on_build=("RUN true", "COPY . /x"), working_dir="/srv"),
)
_MOST = 4 << 20


def dockerfile(data: bytes) -> None:
    """Lexer, parser, stages, expansion, linter and plan: an excerpt and a place that lie within the text, or rows."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(DockerfileError):
        assert dump(parse(text))
    with suppress(UsageError):
        try:
            read = draft(BuildRequest(text=text, context=Path("/nowhere"), epoch=0, machine="amd64"))
            assert plan(read, {image: _BASE for image, _ in read.images()}, ignored=lambda path: path == "x").stages
        except DockerfileError as error:
            _require_place(error, text)


def ignore(data: bytes) -> None:
    """``.dockerignore``: patterns in the first lines, a path in the last."""
    patterns, _, path = data.decode("utf-8", "surrogateescape").rpartition("\n")
    with suppress(UsageError):
        found = ignorefile.Ignore(ignorefile.read(patterns))
        found.excludes(path)
        found.verdict(path)
        found.may_bring_back(path)


def tar(data: bytes) -> None:
    """A layer's stream, compressed or not: entries whose names lead nowhere else, and which read the same when they are written again.

    Once as it comes, and once with the checksums of headers mended, behind which hardly any change of a byte would be looked at.
    """
    _read(Decompressed(io.BytesIO(data)))
    _read(io.BytesIO(_mended(data)))


def _mended(data: bytes) -> bytes:
    blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]
    return b"".join(_summed(block) if block[257:262] == b"ustar" and len(block) == BLOCK else block for block in blocks)


def _summed(block: bytes) -> bytes:
    total = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    return b"%b%06o\0 %b" % (block[:148], total, block[156:])


def _read(stream: Readable) -> None:
    reader, left = TarReader(_Limited(stream)), _MOST
    with suppress(ArchiveError):
        for entry in reader:
            assert entry.path
            assert not entry.path.startswith("/")
            assert ".." not in entry.path.split("/")
            size = sum(len(chunk) for chunk in reader.chunks())
            assert size == (entry.size if entry.type == "file" else size)
            _require_same(entry)
            left -= 1
            if not left:
                break


def documents(data: bytes) -> None:
    """A manifest, an index or an image's config."""
    for read in (manifests.parse, configs.parse):
        with suppress(ArchiveError):
            again = read(data).to_bytes()
            assert read(again).to_bytes() == again


TARGETS: Mapping[str, Target] = {
    "dockerfile": dockerfile,
    "ignore": ignore,
    "tar": tar,
    "documents": documents,
}


class _Limited:
    """A stream cut after so much, that a bomb costs no more than a limit."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._left = _MOST

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(min(size, self._left))
        self._left -= len(data)
        return data


def _require_place(error: DockerfileError, text: str) -> None:
    assert error.message
    if error.location is not None:
        assert 1 <= error.location.line <= error.location.end_line <= text.count("\n") + 1


def _require_same(entry: Entry) -> None:
    content = bytes(min(entry.size, _MOST)) if entry.type == "file" else b""
    if len(content) != entry.size:
        return
    (again,) = TarReader(io.BytesIO(header(entry) + content + padding(len(content)) + END))
    assert again == entry, (entry, again)


def seeds(name: str) -> Iterator[bytes]:
    """Inputs to begin with."""
    golden = Path(__file__).resolve().parent.parent / "unit/dockerfile/golden"
    if name == "dockerfile":
        yield from (path.read_bytes() for path in sorted(golden.glob("*/Dockerfile")))
    elif name == "ignore":
        yield from (b"*\n!a/**/b\nfoo/a.txt", b"# c\n**/*.md\n!README.md\ndocs/README.md", b"[a-z]?\\*/\nab/c")
    elif name == "tar":
        yield from _tars()
    else:
        digest = b"sha256:" + b"0" * 64
        yield b'{"architecture":"amd64","os":"linux","config":{"Env":["A=b"]},"rootfs":{"type":"layers","diff_ids":[]}}'
        yield b'{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"%b","size":1},"layers":[]}' % digest
        yield b'{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"%b","size":1,"platform":{}}]}' % digest


def _tars() -> Iterator[bytes]:
    import gzip  # noqa: PLC0415 - seeds alone

    entries = [
        Entry(path="d", type="dir", mtime=1),
        Entry(path="d/" + "n" * 120, type="file", size=3, xattrs={"user.a": b"\0b"}),
        Entry(path="d/l", type="symlink", linkname="../x" * 40),
        Entry(path="d/h", type="hardlink", linkname="d/l"),
        Entry(path="d/null", type="char", devmajor=1, devminor=3),
        Entry(path="d/gone", type="whiteout"),
        Entry(path="d", type="opaque"),
    ]
    whole = b"".join(header(entry) + (b"abc" + padding(3) if entry.type == "file" else b"") for entry in entries)
    yield whole + END
    yield gzip.compress(whole + END, mtime=0)
    for entry in entries:
        yield header(entry) + (b"abc" + padding(3) if entry.type == "file" else b"") + END


WORDS: Mapping[str, tuple[str, ...]] = {
    "dockerfile": (
        *(
            "FROM ",
            "RUN ",
            "COPY ",
            "ADD ",
            "ENV ",
            "ARG ",
            "LABEL ",
            "WORKDIR ",
            "USER ",
            "CMD ",
            "ENTRYPOINT ",
            "SHELL ",
        ),
        *(
            "EXPOSE ",
            "VOLUME ",
            "STOPSIGNAL ",
            "HEALTHCHECK ",
            "ONBUILD ",
            "MAINTAINER ",
            " AS ",
            "NONE",
            "<<EOF",
            "EOF",
        ),
        *(
            "--mount=type=",
            "--from=",
            "--chown=",
            "--chmod=",
            "--parents",
            "--exclude=",
            "--link",
            "--platform=",
            "--network=",
        ),
        *(
            "--checksum=sha256:",
            "--interval=",
            "# escape=`",
            "# syntax=",
            "# check=skip=all;error=true",
            "scratch",
            "/./",
        ),
        *("${A:-", "${A##", "${A//", "}", "\\\n", "`\n", '["a"]', "bind", "cache", "secret", "ssh", "tmpfs", "target="),
    ),
    "ignore": ("**", "!", "[", "]", "\\", "/**/", "*", "?", "[^", "#"),
    "tar": (
        "ustar\0",
        "SCHILY.xattr.",
        "path=",
        "linkpath=",
        "size=",
        "mtime=",
        ".wh.",
        ".wh..wh..opq",
        "../",
        "GNU.sparse.",
    ),
    "documents": (
        '"schemaVersion":2',
        '"manifests":',
        '"layers":',
        '"digest":',
        '"rootfs":',
        '"history":',
        '"config":',
    ),
}
