"""What is written is read again, by our reader and by others; and what the reader takes of other writers."""

from __future__ import annotations

import contextlib
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.errors import ArchiveError
from dockmagic.layers.tar_reader import TarReader
from dockmagic.layers.tar_writer import END, header, whole_header
from dockmagic.oci.changeset import Entry
from tests.unit.layers.given import file, raw, tar_of

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40) | st.binary(
    min_size=1, max_size=150
).map(lambda b: b.replace(b"\0", b"x").decode("utf-8", "surrogateescape"))
parts = texts.map(lambda t: t.replace("/", "x")).filter(lambda t: t not in {".", ".."} and not t.startswith(".wh."))
paths = st.lists(parts, min_size=1, max_size=8).map("/".join)
ids = st.integers(0, 0xFFFFFFFE)
common = {
    "path": paths,
    "mode": st.integers(0, 0o7777),
    "uid": ids,
    "gid": ids,
    "mtime": st.integers(-(1 << 40), 1 << 40),
}
xattrs = st.dictionaries(
    st.sampled_from(["user.a", "security.capability", "user.ü"]), st.binary(max_size=9), max_size=2
)
entries = (
    st.builds(Entry, type=st.just("dir"), xattrs=xattrs, **common)
    | st.builds(Entry, type=st.just("symlink"), linkname=texts, **common)
    | st.builds(Entry, type=st.just("hardlink"), linkname=paths, **common)
    | st.builds(Entry, type=st.just("fifo"), **common)
    | st.builds(
        Entry,
        type=st.sampled_from(["char", "block"]),
        devmajor=st.integers(0, 0o7777777),
        devminor=st.integers(0, 0o7777777),
        **common,
    )
    | st.builds(Entry, path=paths, type=st.sampled_from(["whiteout", "opaque"]))
)
contents = st.binary(max_size=1500)
files = st.builds(
    lambda content, values, attributes: (Entry(type="file", size=len(content), xattrs=attributes, **values), content),
    contents,
    st.fixed_dictionaries(common),
    xattrs,
)


def read(data):
    reader = TarReader(io.BytesIO(data))
    return [(entry, b"".join(reader.chunks())) for entry in reader]


@given(st.lists(entries.map(lambda e: (e, b"")) | files, max_size=6))
def test_what_is_written_is_read_again(rows):
    assert read(tar_of(*rows)) == [(entry, content) for entry, content in rows]


@given(files)
def test_other_readers_agree(row):
    entry, content = row
    with tarfile.open(fileobj=io.BytesIO(tar_of(row)), errors="surrogateescape") as archive:
        member = archive.next()
        assert (member.name, member.mode, member.uid, member.gid, member.mtime, member.size) == (
            entry.path,
            entry.mode,
            entry.uid,
            entry.gid,
            entry.mtime,
            entry.size,
        )
        assert archive.extractfile(member).read() == content
        assert archive.next() is None


@given(st.lists(files, max_size=3), st.integers(0, 4000), st.integers(0, 255))
def test_a_changed_byte_is_read_or_an_archive_error(rows, place, value):
    data = bytearray(tar_of(*rows))
    data[place % len(data)] = value
    with contextlib.suppress(ArchiveError):
        read(bytes(data))


@pytest.mark.parametrize("cut", [1, 100, 511, 513, 700, 1024, 1025, 1400])
def test_a_truncated_tar_is_told(cut):
    data = raw(b"f", kind=b"x", content=b"12 path=abc\n") + raw(b"f", content=b"x" * 700)
    whole = [row for row in (1024, len(data)) if row == cut]
    if whole:
        return
    with pytest.raises(ArchiveError, match="ends within"):
        read(data[:cut])


def test_a_tar_may_end_without_its_end():
    data = raw(b"f", content=b"abc")
    assert read(data) == read(data + END) == read(data + bytes(512))


def test_what_stands_behind_the_end_is_not_read():
    assert [e.path for e, _ in read(raw(b"f") + END + raw(b"g"))] == ["f"]


@pytest.mark.parametrize("place", [0, 100, 150, 157, 300, 400])
def test_a_wrong_checksum_is_told(place):
    block = bytearray(raw(b"f"))
    block[place] ^= 1
    with pytest.raises(ArchiveError, match="checksum"):
        read(bytes(block))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"12 path=abc\n", {"path": "abc"}),
        (b"14 uid=100000\n", {"uid": 100000}),
        (b"20 mtime=12.3456789\n", {"mtime": 12}),
        (b"12 mtime=-5\n", {"mtime": -5}),
        (b"12 path=abc\n12 path=abd\n", {"path": "abd"}),
        (b"22 SCHILY.xattr.u=a=b\n", {"xattrs": {"u": b"a=b"}}),
        (b"23 SCHILY.xattr.u=a\n\0b\n", {"xattrs": {"u": b"a\n\0b"}}),
        (b"19 SCHILY.xattr.u=\n", {"xattrs": {"u": b""}}),
        (b"20 comment=anything\n", {}),
    ],
)
def test_pax_records_say_what_the_header_cannot(content, expected):
    ((entry, _),) = read(raw(b"x", kind=b"x", content=content) + raw(b"f") + END)
    assert {name: getattr(entry, name) for name in expected} == expected


def test_global_records_hold_until_they_are_said_anew():
    data = (
        raw(b"g", kind=b"g", content=b"9 uid=10\n")
        + raw(b"a")
        + raw(b"x", kind=b"x", content=b"8 uid=5\n")
        + raw(b"b")
        + raw(b"c")
    )
    assert [(e.path, e.uid) for e, _ in read(data)] == [("a", 10), ("b", 5), ("c", 10)]


@pytest.mark.parametrize(
    "content",
    [
        b"x path=abc\n",
        b"99 path=abc\n",
        b"11 path=abc\n",
        b"4 a=\n",
        b"0 path=abc\n",
        b"-12 path=abc\n",
        b"8 path a\n",
        b"path=abc\n",
        b"9 uid=1x\n",
        b"9 uid=--\n",
        b"12 uid=1_00\n",
        b"10 size=-\n",
        b"11 size=-1\n",
        b"42 size=" + b"9" * 33 + b"\n",
        b"10 uid=-1\n",
    ],
)
def test_a_malformed_record_is_told(content):
    with pytest.raises(ArchiveError):
        read(raw(b"x", kind=b"x", content=content) + raw(b"f") + END)


def test_the_pax_size_counts_for_what_follows():
    data = (
        raw(b"x", kind=b"x", content=b"10 size=3\n")
        + raw(b"f", size=b"00000000000\0")
        + b"abc"
        + bytes(509)
        + raw(b"g")
    )
    assert read(data)[0][1] == b"abc"
    assert [e.path for e, _ in read(data)] == ["f", "g"]


@pytest.mark.parametrize(("magic", "expected"), [(b"ustar\00000", "p/f"), (b"ustar  \0", "p/f"), (b"\0" * 8, "f")])
def test_a_prefix_belongs_to_ustar_and_to_writers_that_mix_the_forms(magic, expected):
    ((entry, _),) = read(raw(b"f", magic=magic, prefix=b"p"))
    assert entry.path == expected


def test_the_times_of_gnus_header_are_no_prefix():
    ((entry, _),) = read(raw(b"f", magic=b"ustar  \0", prefix=b"14756234637\x00014756234637\0"))
    assert entry.path == "f"


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [(b"d/", b"\0", "dir"), (b"d/", b"0", "dir"), (b"d", b"\0", "file"), (b"d", b"7", "file")],
)
def test_old_writers_mark_directories_by_a_slash(name, kind, expected):
    ((entry, _),) = read(raw(name, kind=kind))
    assert (entry.type, entry.path) == (expected, "d")


@pytest.mark.parametrize("name", [b".", b"./", b"/", b"", b"./.", b"a/.."])
def test_the_root_itself_is_no_entry(name):
    assert [e.path for e, _ in read(raw(name, kind=b"5") + raw(b"f"))] == ["f"]


def test_too_many_entries_are_refused(monkeypatch):
    monkeypatch.setattr("dockmagic.layers.tar_reader._ENTRY_LIMIT", 3)
    with pytest.raises(ArchiveError, match="more than 3 entries"):
        read(tar_of(*[file(f"{i}") for i in range(4)]))


@pytest.mark.parametrize("length", [99, 100, 101, 155, 156, 200, 255, 256, 300, 4000])
@pytest.mark.parametrize("slash", [0, 50, 99, 120, 155])
def test_names_of_any_length_fit(length, slash):
    path = "n" * length if not slash or slash >= length - 1 else "p" * slash + "/" + "n" * (length - slash - 1)
    ((entry, _),) = read(tar_of(file(path)))
    assert entry.path == path


def test_the_length_of_a_record_counts_its_own_digits():
    for length in range(80, 120):
        row = Entry(path="f", type="file", xattrs={"user.a": b"v" * length})
        assert read(tar_of(row))[0][0] == row


@given(entries)
def test_the_quick_way_to_a_header_gives_the_same_bytes(entry):
    assert header(entry) == whole_header(entry)
