"""What COPY reads from a directory of the host: by docker's rules, by name, and never outside of it."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dockmagic.builder.context import Context, Selection
from dockmagic.builder.ignorefile import Ignore, Verdict, read
from dockmagic.builder.inline import inline
from dockmagic.builder.tree import Tree
from dockmagic.errors import DockmagicError, NotFoundError, UsageError
from dockmagic.layers.shipment import arrivals

Landed = dict[str, tuple[str, int, bytes]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty context below a directory that holds a secret."""
    (tmp_path / "secret").write_text("outside")
    (tmp_path / "context").mkdir()
    return tmp_path / "context"


@pytest.fixture
def context(root: Path) -> Iterator[Callable[[], Context]]:
    """Opens the context, when the files are there; closes it afterwards."""
    opened: list[Context] = []

    def open_it() -> Context:
        opened.append(Context(root))
        return opened[-1]

    yield open_it
    for one in opened:
        one.close()


def make(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)


def sent(selection: Selection, path: Path) -> bytes:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        selection.send(file)
    finally:
        os.close(file)
    return path.read_bytes()


def landed(selection: Selection, tmp_path: Path) -> Landed:
    """The entries as the layer's job reads them: path -> kind, mode, content or link."""
    found: Landed = {}
    for entry, content in arrivals(io.BytesIO(sent(selection, tmp_path / "out"))):
        assert (entry.uid, entry.gid, entry.mtime) == (0, 0, 0)
        data = b"".join(content or ()) if entry.type == "file" else os.fsencode(entry.linkname)
        found[entry.path] = (entry.type, entry.mode, data)
    assert list(found) == sorted(found, key=os.fsencode)
    return found


def names(selection: Selection) -> list[str]:
    return [entry.path for entry in selection.entries]


# What a source names


@pytest.mark.parametrize(
    "source", ["app.py", "/app.py", "./app.py", "../app.py", "../../x/../app.py", "sub/../app.py", "app.py/"]
)
def test_a_file_lands_under_its_last_name_and_may_be_renamed(root, context, tmp_path, source):
    make(root, {"app.py": "print()", "other": ""})
    selection = context().select([source])
    assert selection.single_file
    assert landed(selection, tmp_path) == {"app.py": ("file", 0o644, b"print()")}


@pytest.mark.parametrize("source", ["dir", "dir/", "/dir", "./dir/.", "dir/sub/.."])
def test_a_directory_gives_its_content_and_not_itself(root, context, tmp_path, source):
    make(root, {"dir/b": "b", "dir/sub/c": "c", "other": ""})
    (root / "dir/empty").mkdir()
    (root / "dir/sub").chmod(0o750)
    selection = context().select([source])
    assert not selection.single_file
    assert landed(selection, tmp_path) == {
        "b": ("file", 0o644, b"b"),
        "empty": ("dir", 0o755, b""),
        "sub": ("dir", 0o750, b""),
        "sub/c": ("file", 0o644, b"c"),
    }


@pytest.mark.parametrize("source", [".", "/", "..", "./", ""])
def test_the_root_gives_everything(root, context, source):
    make(root, {"a": "", "d/b": ""})
    assert names(context().select([source])) == ["a", "d", "d/b"]


def test_several_sources_land_together(root, context):
    make(root, {"a": "", "d/b": "", "e/c": ""})
    selection = context().select(["a", "d", "e"])
    assert names(selection) == ["a", "b", "c"]
    assert not selection.single_file


def test_of_two_sources_on_one_path_the_later_stays(root, context, tmp_path):
    make(root, {"a/x": "first", "b/x": "second"})
    assert landed(context().select(["a", "b"]), tmp_path)["x"][2] == b"second"
    assert landed(context().select(["b", "a"]), tmp_path)["x"][2] == b"first"


def test_of_two_matches_on_one_path_the_later_by_name_stays(root, context, tmp_path):
    make(root, {"d2/x": "second", "d3/x": "third", "d1/x": "first"})
    assert landed(context().select(["d*"]), tmp_path)["x"][2] == b"third"


def test_directories_of_two_sources_are_merged(root, context):
    make(root, {"a/d/x": "", "b/d/y": ""})
    assert names(context().select(["a", "b"])) == ["d", "d/x", "d/y"]


def test_a_file_and_a_directory_on_one_path_are_refused(root, context):
    make(root, {"a/x": "", "b/x/y": ""})
    with pytest.raises(UsageError, match='two sources land on "x"'):
        context().select(["a", "b"])


def test_modes_are_kept_with_their_special_bits_and_hard_links_become_files(root, context, tmp_path):
    make(root, {"a": "text"})
    (root / "a").chmod(0o6751)
    (root / "b").hardlink_to(root / "a")
    (root / "d").mkdir()
    (root / "d").chmod(0o1777)
    assert landed(context().select(["."]), tmp_path) == {
        "a": ("file", 0o6751, b"text"),
        "b": ("file", 0o6751, b"text"),
        "d": ("dir", 0o1777, b""),
    }


def test_names_may_be_any_bytes(root, context, tmp_path):
    given_names = (b"\xff\xfe", "\ufffd".encode(), b"new\nline", "gr\u00fc\u00dfe".encode(), b" space ", b"back\\slash")
    for name in given_names:
        (root / os.fsdecode(name)).write_bytes(name)
    found = landed(context().select(["."]), tmp_path)
    assert {os.fsencode(path): data for path, (_, _, data) in found.items()} == {name: name for name in given_names}
    assert names(context().select(["\udcff\udcfe"])) == ["\udcff\udcfe"]
    assert names(context().select(["back\\slash"])) == ["back\\slash"]


# Wildcards


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("*.go", ["a.go", "b.go"]),
        ("?.go", ["a.go", "b.go"]),
        ("[^a].go", ["b.go"]),
        ("sub/*", ["c.go", "x"]),
        ("*/c.go", ["c.go"]),
        ("s*/d*/x", ["x"]),
        ("/su[b]/c*", ["c.go"]),
        ("*", ["a.go", "b.go", "c.go", "deep", "deep/x"]),
        ("../*.go", ["a.go", "b.go"]),
        (r"*\.go", ["a.go", "b.go"]),
    ],
)
def test_wildcards_match_name_by_name(root, context, source, expected):
    make(root, {"a.go": "", "b.go": "", "sub/c.go": "", "sub/deep/x": ""})
    assert names(context().select([source])) == expected


def test_a_wildcard_that_names_one_file_may_be_renamed(root, context):
    make(root, {"foo.go": "", "bar.go": "", "dir/x": ""})
    assert context().select(["f*.go"]).single_file
    assert not context().select(["*.go"]).single_file
    assert not context().select(["d*"]).single_file


def test_files_that_a_wildcard_names_need_a_directory_to_land_in(root, context):
    make(root, {"a.go": "", "b.go": "", "dir/x": "", "dir2/y": ""})
    found = context().select(["*.go"])
    assert (found.several, names(found.last), found.last.single_file) == (True, ["b.go"], True)
    assert not context().select(["a*.go"]).several
    assert not context().select(["dir*"]).several


def test_a_bracket_in_a_name_is_written_as_a_class(root, context):
    make(root, {"[x]/file[1]": ""})
    assert names(context().select(["[[]x]/file[[]1]"])) == ["file[1]"]


def test_a_wildcard_may_match_nothing_where_another_source_is_there(root, context):
    make(root, {"package.json": ""})
    assert names(context().select(["package.json", "yarn.lock*", "gone/*"])) == ["package.json"]


@pytest.mark.parametrize("sources", [["x*"], ["x*", "y*"], ["d/x*"], ["*/x/y"]])
def test_wildcards_that_match_nothing_name_nothing_and_say_so(root, context, sources):
    make(root, {"a": "", "d/b": ""})
    selection = context().select(sources)
    assert not selection.items
    assert not selection.lands
    for source, line in zip(sources, selection.unmatched, strict=True):
        assert line.startswith(f'nothing in the build context matches "{source}" (')


@pytest.mark.parametrize("sources", [["gone/x*"], ["a/x*"]])
def test_a_wildcard_below_no_directory_is_an_error_where_nothing_else_is_named(root, context, sources):
    make(root, {"a": ""})
    with pytest.raises(NotFoundError, match=r'nothing in the build context matches ".*x\*"'):
        context().select(sources)


def test_a_malformed_wildcard_is_an_error(root, context):
    with pytest.raises(UsageError, match="syntax error in pattern"):
        context().select(["a[x"])


# Links


def test_a_source_that_is_a_link_gives_what_it_leads_to(root, context, tmp_path):
    make(root, {"bar": "bar", "sub/foo": "foo"})
    (root / "link").symlink_to("bar")
    (root / "up").symlink_to("./sub/../link")
    (root / "dirlink").symlink_to("/sub")
    assert landed(context().select(["up"]), tmp_path) == {"up": ("file", 0o644, b"bar")}
    assert context().select(["link"]).single_file
    assert names(context().select(["dirlink"])) == ["foo"]
    assert landed(context().select(["dirlink/foo"]), tmp_path) == {"foo": ("file", 0o644, b"foo")}


def test_links_that_a_wildcard_names_are_followed(root, context, tmp_path):
    make(root, {"sub/lfile": "lfile", "sub/subfile": "subfile", "sub/baz": "baz"})
    for name, target in {"l0": "subfile", "l1": "second", "second": "baz"}.items():
        (root / "sub" / name).symlink_to(target)
    assert landed(context().select(["sub/l*"]), tmp_path) == {
        "l0": ("file", 0o644, b"subfile"),
        "l1": ("file", 0o644, b"baz"),
        "lfile": ("file", 0o644, b"lfile"),
    }


def test_links_in_a_directory_are_copied_as_links(root, context, tmp_path):
    make(root, {"foo/a": "a"})
    for name, target in {"out": "/etc/passwd", "up": "../../secret", "gone": "nowhere", "dir": "."}.items():
        (root / "foo" / name).symlink_to(target)
    found = landed(context().select(["foo"]), tmp_path)
    assert {name: found[name] for name in ("out", "up", "gone", "dir")} == {
        "out": ("symlink", 0o777, b"/etc/passwd"),
        "up": ("symlink", 0o777, b"../../secret"),
        "gone": ("symlink", 0o777, b"nowhere"),
        "dir": ("symlink", 0o777, b"."),
    }


@pytest.mark.parametrize("target", ["../secret", "../../../../../etc/passwd", "/etc/passwd", "sub/../../secret"])
def test_a_link_never_leads_out_of_the_context(root, context, target):
    make(root, {"sub/x": ""})
    (root / "link").symlink_to(target)
    with pytest.raises(NotFoundError, match='a symbolic link to nothing in the build context: "link"'):
        context().select(["link"])
    with pytest.raises(UsageError, match='a symbolic link to nothing in the build context: "link"'):
        context().select(["l*", "sub"])


def test_an_absolute_link_is_taken_from_the_root(root, context, tmp_path):
    make(root, {"secret": "inside", "sub/secret": "other"})
    (root / "sub/link").symlink_to("/secret")
    (root / "up").symlink_to("../../secret")
    assert landed(context().select(["sub/link", "up"]), tmp_path) == {
        "link": ("file", 0o644, b"inside"),
        "up": ("file", 0o644, b"inside"),
    }


def test_a_link_does_not_lead_through_a_file(root, context):
    make(root, {"file": "", "other": ""})
    (root / "link").symlink_to("file/../other")
    with pytest.raises(NotFoundError, match="a symbolic link to nothing"):
        context().select(["link"])


def test_a_loop_of_links_ends(root, context):
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    (root / "self").symlink_to("self/x")
    for source in ("a", "self", "self/y", "[ab]"):
        with pytest.raises(UsageError, match="too many symbolic links"):
            context().select([source])
    assert names(context().select(["."])) == ["a", "b", "self"]


# What is not there


def test_a_missing_source_is_an_error_even_if_another_is_there(root, context):
    make(root, {"a": ""})
    with pytest.raises(NotFoundError) as caught:
        context().select(["a", "missing"])
    assert caught.value.message == 'no such file or directory in the build context: "missing"'


@pytest.mark.parametrize("source", ["app.py/x", "app.py/..x/../y", "x" * 300, "missing/deep/x"])
def test_what_cannot_be_there_is_missing(root, context, source):
    make(root, {"app.py": ""})
    with pytest.raises(NotFoundError, match="no such file or directory"):
        context().select([source])


@pytest.mark.parametrize("source", ["a\0b", "\ud800"])
def test_what_is_no_path_is_refused(context, source):
    with pytest.raises(UsageError, match="not a path"):
        context().select([source])


@pytest.mark.parametrize(
    ("source", "near"),
    [("readme.md", "README.md"), ("sub/man.py", "sub/main.py"), ("zzz", "")],
)
def test_a_missing_source_names_what_was_meant(root, context, source, near):
    make(root, {"README.md": "", "sub/main.py": "", "a[1].txt": ""})
    with pytest.raises(NotFoundError) as caught:
        context().select([source])
    assert (f'did you mean "{near}"?' in caught.value.hint) is bool(near)
    assert "did you mean" not in caught.value.hint or near


@pytest.mark.parametrize(("source", "near"), [("*.mdd", ""), ("a[1].txt", "a[[]1].txt")])
def test_a_wildcard_without_a_match_names_what_was_meant(root, context, source, near):
    make(root, {"README.md": "", "a[1].txt": ""})
    [line] = context().select([source]).unmatched
    assert (f'did you mean "{near}"?' in line) is bool(near)


def test_an_error_says_nothing_of_the_host(root, context):
    make(root, {"sub/x": ""})
    for source in ("missing", "sub/missing", "missing/*z"):
        with pytest.raises(NotFoundError) as caught:
            context().select([source])
        assert str(root) not in str(caught.value)


# .dockerignore


def test_what_is_ignored_is_not_there(root, context):
    make(
        root,
        {".dockerignore": "ba*\nDockerfile\n!bay\n.dockerignore\n"}
        | dict.fromkeys(("Dockerfile", "foo", "bar", "baz", "bay"), ""),
    )
    assert names(context().select(["."])) == ["bay", "foo"]
    assert names(context().select(["*"])) == ["bay", "foo"]


@pytest.mark.parametrize("source", ["secret", "d", "d/x", "link", "dlink/x", "hidden"])
def test_an_ignored_source_is_an_error_that_says_so(root, context, source):
    make(root, {".dockerignore": "secret\nd\nhidden\n", "secret": "", "d/x": "", "a": ""})
    (root / "link").symlink_to("secret")
    (root / "dlink").symlink_to("d")
    (root / "hidden").symlink_to("a")
    with pytest.raises(NotFoundError) as caught:
        context().select([source])
    assert caught.value.message == f'excluded by .dockerignore: "{source}"'


@pytest.mark.parametrize("source", ["s*", "d/*"])
def test_an_ignored_match_of_a_wildcard_is_told(root, context, source):
    make(root, {".dockerignore": "secret\nd\n", "secret": "", "d/x": "", "a": ""})
    [line] = context().select([source]).unmatched
    assert line.startswith(f'excluded by .dockerignore: "{source}"')


def test_what_comes_back_below_an_ignored_directory_is_found(root, context):
    make(root, {".dockerignore": "docs\n!docs/a/README.md\n!**/keep\n"})
    make(root, {"docs/a/README.md": "", "docs/a/other": "", "docs/b/c/keep": "", "docs/e/f/g": "", "x": ""})
    expected = ["a", "a/README.md", "b", "b/c", "b/c/keep"]
    assert names(context().select(["docs"])) == expected
    assert names(context().select(["."])) == [".dockerignore", "docs", *(f"docs/{name}" for name in expected), "x"]
    assert names(context().select(["docs/a/README.md"])) == ["README.md"]
    assert names(context().select(["d*/*/R*"])) == ["README.md"]
    for source in ("docs/e", "docs/a/other"):
        with pytest.raises(NotFoundError, match=r"excluded by \.dockerignore"):
            context().select([source])


def test_an_ignored_directory_that_cannot_be_read_does_not_matter(root, context, monkeypatch):
    make(root, {".dockerignore": "private\n!**/keep\n", "private/x": "", "a": ""})
    real = Tree.entries

    def refusing(tree: Tree, path: tuple[str, ...]) -> list[tuple[str, os.stat_result]]:
        if path == ("private",):
            raise PermissionError(13, "Permission denied")
        return real(tree, path)

    # root may read everything, so the refusal is made here
    monkeypatch.setattr(Tree, "entries", refusing)
    assert names(context().select(["."])) == [".dockerignore", "a"]
    make(root, {"public/x": ""})
    assert names(context().select(["*/x"])) == ["x"]
    with pytest.raises(NotFoundError, match="excluded"):
        context().select(["private"])
    (root / ".dockerignore").write_text("")
    with pytest.raises(UsageError, match='no permission to read in the build context: "private"'):
        context().select(["."])


def test_the_ignore_file_of_a_dockerfile_goes_first(root):
    make(root, {".dockerignore": "foo\n", "Dockerfile2.dockerignore": "bar\n", "foo": "", "bar": ""})
    with Context(root, dockerfile=root / "Dockerfile2") as context:
        assert "foo" in names(context.select(["."]))
        with pytest.raises(NotFoundError, match=r'excluded by Dockerfile2\.dockerignore: "bar"'):
            context.select(["bar"])
    with Context(root, dockerfile=root / "Dockerfile") as context:
        assert "bar" in names(context.select(["."]))
        assert "foo" not in names(context.select(["."]))


@pytest.mark.parametrize("text", ["!\n", "a\n[x\n"])
def test_a_malformed_ignore_file_is_an_error_that_names_it(root, text):
    make(root, {".dockerignore": text})
    with pytest.raises(UsageError, match=r"^\.dockerignore: "):
        Context(root)


def test_an_ignore_file_is_read_within_the_context_only(root, tmp_path):
    (tmp_path / "patterns").write_text("a\n")
    (root / ".dockerignore").symlink_to("../patterns")
    make(root, {"a": ""})
    with Context(root) as context:
        assert names(context.select(["a"])) == ["a"]
    make(root, {"patterns": "a\n"})
    with Context(root) as context, pytest.raises(NotFoundError, match="excluded"):
        context.select(["a"])


def test_an_ignore_file_that_is_no_file_is_an_error(root):
    os.mkfifo(root / ".dockerignore")
    with pytest.raises(UsageError, match="no text file"):
        Context(root)


@pytest.fixture(scope="module")
def bushy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every directory of two levels has the same four names, of which two are directories."""
    root: Path = tmp_path_factory.mktemp("bushy")
    for one in ("a", "ab"):
        for two in ("a", "ab"):
            make(root, {f"{one}/{two}/{name}": "" for name in ("a", "b", "ba")})
        make(root, {f"{one}/{name}": "" for name in ("b", "ba")})
    make(root, dict.fromkeys(("b", "ba"), ""))
    return root


def _verdict(ignore: Ignore, path: str) -> Verdict:
    verdict = None
    for count in range(1, path.count("/") + 2):
        verdict = ignore.verdict("/".join(path.split("/")[:count]), verdict)
    assert verdict is not None
    return verdict


_PARTS = st.sampled_from(["a", "b", "ab", "*", "**", "a*", "?b", "**a"])
_LINES = st.tuples(st.sampled_from(["", "!"]), st.lists(_PARTS, min_size=1, max_size=3).map("/".join)).map("".join)


@example(lines=[], exclude=["a", "!a/*/**"])
@given(lines=st.lists(_LINES, max_size=5), exclude=st.lists(_LINES, max_size=3))
def test_a_walk_shows_what_path_by_path_is_not_ignored_and_what_leads_there(bushy, lines, exclude):
    (bushy / ".dockerignore").write_text("\n".join(lines))
    ignore, skip = Ignore(read("\n".join(lines))), Ignore(exclude)
    everything = [str(path.relative_to(bushy)) for path in bushy.rglob("*")]
    shown = {path for path in everything if not (_verdict(ignore, path).excluded or _verdict(skip, path).excluded)}
    leading = {path.rpartition("/")[0] for path in shown} | {path.split("/")[0] for path in shown}
    with Context(bushy) as context:
        assert set(names(context.select(["."], exclude=exclude))) == (shown | leading) - {""}


# --exclude


@pytest.mark.parametrize(
    ("sources", "exclude", "expected"),
    [
        (["."], ["*/*.png"], ["dir1", "dir1/b.txt", "dir2", "dir2/c.pdf", "hom.md", "hom.txt"]),
        (["dir1"], ["*.png"], ["b.txt"]),
        (["dir*"], ["*.png", "*.pdf"], ["b.txt"]),
        (["dir*"], ["*"], []),
        (["hom*"], ["*.txt"], ["hom.md"]),
        (["hom.txt"], ["*.txt"], []),
        (["."], ["**", "!dir1/a.png"], ["dir1", "dir1/a.png"]),
    ],
)
def test_excluded_paths_are_left_out_relative_to_the_source(root, context, sources, exclude, expected):
    make(root, dict.fromkeys(("dir1/a.png", "dir1/b.txt", "dir2/c.pdf", "hom.md", "hom.txt"), ""))
    assert names(context().select(sources, exclude=exclude)) == expected


# What is no file


def test_a_socket_becomes_an_empty_file(root, context, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket.sock")
    (root / "socket.sock").chmod(0o600)
    assert landed(context().select(["."]), tmp_path) == {"socket.sock": ("file", 0o600, b"")}


@pytest.mark.parametrize("source", ["pipe", ".", "p*"])
def test_a_pipe_is_refused_and_never_waited_for(root, context, source):
    os.mkfifo(root / "pipe")
    with pytest.raises(UsageError, match='a pipe cannot be copied: "pipe"'):
        context().select([source])


@pytest.mark.parametrize("place", ["secret", "missing", "secret/x"])
def test_a_context_that_is_no_directory_is_refused(tmp_path, root, place):
    with pytest.raises(UsageError, match="no directory that can be read") as caught:
        Context(tmp_path / place)
    assert str(tmp_path) not in str(caught.value)


def test_only_what_is_named_is_read(root, context, monkeypatch):
    make(root, {"a/x": "", "huge/y": ""})
    opened: list[str] = []
    real = os.open

    def watching(path: str, *arguments: int, **options: int) -> int:
        opened.append(str(path))
        return real(path, *arguments, **options)

    one = context()
    monkeypatch.setattr(os, "open", watching)
    one.select(["a"])
    assert "x" in opened
    assert not {"huge", "y"} & set(opened)


def test_descriptors_are_given_back(root, tmp_path):
    make(root, {"a/b/c/d": "", "e": ""})
    before = sorted(Path("/proc/self/fd").iterdir())
    with Context(root) as context:
        landed(context.select(["."]), tmp_path)
        with pytest.raises(NotFoundError):
            context.select(["a/b/c/x"])
    with pytest.raises(UsageError):
        Context(root / "e")
    make(root, {".dockerignore": "!"})
    with pytest.raises(UsageError):
        Context(root)
    assert sorted(Path("/proc/self/fd").iterdir()) == before


# What changes meanwhile


def test_a_directory_that_becomes_a_link_while_it_is_walked_leads_nowhere(root, tmp_path, context, monkeypatch):
    make(root, {"dir/secret": "inside"})
    real = os.open

    def swapping(path: str, *arguments: int, **options: int) -> int:
        if path == "dir":
            (root / "dir").rename(root / "away")
            (root / "dir").symlink_to("..")
            monkeypatch.setattr(os, "open", real)
        return real(path, *arguments, **options)

    one = context()
    monkeypatch.setattr(os, "open", swapping)
    with pytest.raises(UsageError, match='changed while it was read: "dir"'):
        one.select(["."])


def _becomes_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("../../secret")


def _becomes_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _moves_its_directory(path: Path) -> None:
    path.parent.rename(path.parent.with_name("away"))
    path.parent.symlink_to("away")


@pytest.mark.parametrize("change", [_becomes_a_link, _becomes_a_pipe, Path.unlink], ids=["link", "pipe", "goes"])
def test_a_file_that_becomes_something_else_before_it_is_opened_is_an_error(root, context, monkeypatch, change):
    make(root, {"d/file": "inside"})
    real = os.open

    def swapping(path: str, *arguments: int, **options: int) -> int:
        if path == "file":
            change(root / "d/file")
            monkeypatch.setattr(os, "open", real)
        return real(path, *arguments, **options)

    one = context()
    monkeypatch.setattr(os, "open", swapping)
    with pytest.raises(UsageError, match='changed while it was read: "d/file"'):
        one.select(["."])


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text("shorter"),
        lambda path: path.write_bytes(bytes(20_001)),
        lambda path: path.write_bytes(bytes(20_000)),
        Path.unlink,
        _becomes_a_link,
        _becomes_a_pipe,
        _moves_its_directory,
    ],
    ids=["shrinks", "grows", "same size", "goes", "link", "pipe", "moved"],
)
def test_a_file_that_changes_before_it_is_written_is_an_error(root, context, tmp_path, change):
    make(root, {"d/file": "x" * 20_000})
    selection = context().select(["."])
    change(root / "d/file")
    with pytest.raises(UsageError, match='changed while it was read: "d/file"'):
        sent(selection, tmp_path / "out")


def test_a_small_file_lands_as_it_was_when_it_was_selected(root, context, tmp_path):
    make(root, {"d/file": "8 bytes!", "empty": ""})
    selection = context().select(["."])
    (root / "d/file").write_text("changed")
    (root / "empty").unlink()
    assert landed(selection, tmp_path) == {
        "d": ("dir", 0o755, b""),
        "d/file": ("file", 0o644, b"8 bytes!"),
        "empty": ("file", 0o644, b""),
    }


def test_only_so_much_of_small_files_is_kept(root, context, tmp_path, monkeypatch):
    monkeypatch.setattr("dockmagic.builder.context._ROOM", 10)
    make(root, {"a": "8 bytes!", "b": "8 bytes!"})
    selection = context().select(["."])
    assert [type(item.content).__name__ for item in selection.items] == ["Bytes", "FileContent"]
    assert [content for _, _, content in landed(selection, tmp_path).values()] == [b"8 bytes!"] * 2


def test_a_closed_context_gives_no_content(root, tmp_path):
    make(root, {"a": "x" * 20_000})
    with Context(root) as context:
        selection = context.select(["a"])
    with pytest.raises(UsageError, match="changed while it was read"):
        sent(selection, tmp_path / "out")


# The key


def test_the_digest_and_the_tar_say_the_same_of_equal_trees(root, tmp_path):
    found = set()
    for name, order in (("one", 1), ("two", -1)):
        tree = root / name
        make(tree, dict(list({"a": "1", "a.b": "2", "a-b/c": "3", "b/d": "4"}.items())[::order]))
        os.utime(tree / "a", (order + 10, order + 10))
        with Context(tree) as context:
            selection = context.select(["."])
            found.add((selection.digest, sent(selection, tmp_path / "out")))
    assert len(found) == 1
    assert selection.digest.startswith("sha256:")


def _as_directory(root: Path) -> None:
    (root / "a").unlink()
    make(root, {"a/a": "text"})


def _renamed(root: Path) -> None:
    (root / "a").rename(root / "b")


def _as_link(root: Path) -> None:
    (root / "a").rename(root / "c")
    (root / "a").symlink_to("text")


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "a").write_text("other"),
        lambda root: (root / "a").chmod(0o755),
        lambda root: (root / "new").mkdir(),
        _renamed,
        _as_directory,
        _as_link,
    ],
    ids=["content", "mode", "new", "name", "kind", "link"],
)
def test_the_digest_changes_with_everything_that_lands(root, context, change):
    make(root, {"a": "text"})
    one = context()
    before = one.select(["."]).digest
    change(root)
    assert one.select(["."]).digest != before


def test_a_source_that_becomes_a_directory_changes_the_digest(root, context):
    make(root, {"a": "text"})
    before = context().select(["a"])
    _as_directory(root)
    after = context().select(["a"])
    assert before.entries == after.entries
    assert before.digest != after.digest


def test_a_link_text_counts(root, context):
    digests = set()
    for target in ("x", "y"):
        (root / "d").mkdir(exist_ok=True)
        (root / "d/l").unlink(missing_ok=True)
        (root / "d/l").symlink_to(target)
        digests.add(context().select(["d"]).digest)
    assert len(digests) == 2


# Here-documents


def test_a_here_document_is_a_selection_of_its_own(tmp_path):
    selection = inline([("robots.txt", b"User-agent: *\n")])
    assert selection.single_file
    assert landed(selection, tmp_path) == {"robots.txt": ("file", 0o644, b"User-agent: *\n")}
    assert not inline([("a", b""), ("b", b"")]).single_file
    assert landed(inline([("dir/empty", b"")]), tmp_path) == {"empty": ("file", 0o644, b"")}


@pytest.mark.parametrize("name", ["", ".", "..", "a/", "a/..", "a\0"])
def test_a_here_document_needs_a_name_of_a_file(name):
    with pytest.raises(UsageError, match="not a name of a file"):
        inline([(name, b"")])


def test_selections_are_joined(root, context, tmp_path):
    make(root, {"z": "z", "e": "context"})
    here = inline([("e", b"here")])
    files = context().select(["z", "e"])
    joined = Selection.joined(files, here)
    assert not joined.single_file
    assert landed(joined, tmp_path) == {"e": ("file", 0o644, b"here"), "z": ("file", 0o644, b"z")}
    assert Selection.joined(here) is here
    assert landed(Selection.joined(), tmp_path) == {}


def test_an_inline_file_has_the_key_of_the_same_file_in_a_context(root, context):
    make(root, {"a": "text"})
    assert inline([("a", b"text")]).digest == context().select(["a"]).digest


# Any sources


@pytest.mark.parametrize("depth", [40])
def test_a_deep_tree_is_copied(root, context, tmp_path, depth):
    path = "/".join(["d" * 50] * depth)
    make(root, {f"{path}/x": "deep"})
    found = landed(context().select(["."]), tmp_path)
    assert found[f"{path}/x"] == ("file", 0o644, b"deep")


@pytest.mark.parametrize(
    "sources", [[], ["*"], ["**"], ["."], ["//"], ["*/*"], ["a/*/../b"], ["\\"], ["!"], ["-"], ["~"]]
)
def test_every_source_is_a_selection_or_an_error_of_ours(root, context, sources):
    make(root, {"a/b": "", "c": ""})
    try:
        selection = context().select(sources)
    except DockmagicError:
        return
    assert all(not name.startswith("/") and ".." not in name.split("/") for name in names(selection))


def test_no_ignore_file_is_looked_for_among_other_names(tmp_path, monkeypatch):
    def listed(*_):
        raise AssertionError("the directory was listed")

    (tmp_path / "dockerignore").write_text("*")
    monkeypatch.setattr(Tree, "entries", listed)
    with Context(tmp_path) as context:
        assert context.select(["dockerignore"]).single_file
