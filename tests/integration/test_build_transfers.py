"""COPY and ADD with all their flags, on real layers: local files, archives, URLs and repositories on the loopback."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import subprocess
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import zstandard

from dockmagic.builder.request import Secret
from dockmagic.engine import build as building
from dockmagic.engine.engine import Engine
from dockmagic.errors import BuildError, DockerfileError
from tests.users import KINDS, make_user


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("transfers") / "home")
    yield made
    assert made.session.store.check() == []
    made.close()


@pytest.fixture
def context(tmp_path):
    directory = tmp_path / "context"
    (directory / "x/y").mkdir(parents=True)
    (directory / "x").chmod(0o750)
    for name in ("x/a.txt", "x/a.md", "x/y/b.txt", "c.txt"):
        (directory / name).write_text(name)
        (directory / name).chmod(0o640)
    return directory


def tar(*members, **content):
    """An archive: members as (name, attributes), then files by name."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, attributes in [*members, *((name, {"data": data}) for name, data in content.items())]:
            info = tarfile.TarInfo(name)
            data = attributes.pop("data", b"")
            info.size, info.mode = len(data), 0o644
            for key, value in attributes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def members(engine, image):
    """The entries of an image's newest layer, by name."""
    with os.fdopen(os.memfd_create("layer"), "w+b") as file:
        engine.session.store.layers.pack(image.layers[-1].diff_id, file.fileno())
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            return {member.name: member for member in archive}


def add(engine, context, line, **options):
    return engine.build(f"FROM scratch\n{line}\n", context=context, **options)


def names(engine, context, line):
    return sorted(members(engine, add(engine, context, line).image))


def test_parents_keep_directories_with_their_modes_from_the_pivot_on(engine, context):
    found = members(engine, add(engine, context, "COPY --parents x/y/b.txt c.txt /out/").image)
    assert sorted(found) == ["out", "out/c.txt", "out/x", "out/x/y", "out/x/y/b.txt"]
    assert (found["out/x"].mode, found["out"].mode) == (0o750, 0o755)
    assert names(engine, context, "COPY --parents x/./y/*.txt /out/") == ["out", "out/y", "out/y/b.txt"]
    assert names(engine, context, "COPY --parents nothing* /out/") == ["out"]
    assert names(engine, context, "COPY --parents c.txt x/a.txt /out") == ["out", "out/c.txt", "out/x", "out/x/a.txt"]
    with pytest.raises(BuildError, match="line 2: no such file"):
        add(engine, context, "COPY --parents x/nothing /out/")


def test_what_is_excluded_is_not_copied_from_context_or_stage(engine, context):
    assert names(engine, context, "COPY --exclude=*.md --exclude=y x /out/") == ["out", "out/a.txt"]
    text = "FROM scratch AS s\nCOPY . /s/\nFROM scratch\nCOPY --from=s {} /out/\n"
    made = engine.build(text.format("--exclude=**/*.txt /s"), context=context)
    assert sorted(members(engine, made.image)) == ["out", "out/x", "out/x/a.md", "out/x/y"]
    made = engine.build(text.format("--exclude=*.txt /s/x/a.txt /s/x/a.md"), context=context)
    assert sorted(members(engine, made.image)) == ["out", "out/a.md"]


def test_parents_of_a_stage_are_taken_from_its_root(engine, context):
    text = "FROM scratch AS s\nCOPY . /s/t/\nFROM scratch\nCOPY --from=s --parents {} /out/\n"
    for source, wanted in (
        ("/s/t/x/y", ["out", "out/s", "out/s/t", "out/s/t/x", "out/s/t/x/y", "out/s/t/x/y/b.txt"]),
        ("/s/t/./x/y/b.txt", ["out", "out/x", "out/x/y", "out/x/y/b.txt"]),
        ("/s/./**/b.txt", ["out", "out/t", "out/t/x", "out/t/x/y", "out/t/x/y/b.txt"]),
        ("/s/q*/b.txt", ["out"]),
    ):
        assert sorted(members(engine, engine.build(text.format(source), context=context).image)) == wanted
    with pytest.raises(BuildError, match="line 4: COPY --from"):
        engine.build(text.format("/s/t/nothing"), context=context)


def test_an_empty_stage_has_a_root_and_nothing_else(engine, context):
    text = "FROM scratch AS s\nFROM scratch\nCOPY --from=s {} /out/\n"
    for source in ("/", "--parents /q*", "--exclude=a /"):
        assert sorted(members(engine, engine.build(text.format(source)).image)) == ["out"]
    with pytest.raises(BuildError, match="line 3: COPY --from"):
        engine.build(text.format("/a"))


def test_symbols_change_the_modes_of_files_and_directories(engine, context):
    found = members(engine, add(engine, context, "COPY --chmod=go-rw,a+X x /out/").image)
    assert (found["out/a.txt"].mode, found["out/y"].mode) == (0o600, 0o711)
    found = members(engine, add(engine, context, "COPY --chmod=u=rwx,g=u,o= x/a.txt /f").image)
    assert found["f"].mode == 0o770


def test_directories_on_the_way_become_the_owners_that_are_asked_for(engine, context):
    found = members(engine, add(engine, context, "COPY --chown=5:6 x/y /p/q/").image)
    assert {(m.uid, m.gid) for m in found.values()} == {(5, 6)}


def test_workdir_makes_its_directory_as_the_user(engine):
    text = "FROM localhost/base\nRUN echo 'bob:x:1000:50::/:/bin/sh' >> /etc/passwd\nUSER bob\nWORKDIR /made/deep\n"
    found = members(engine, engine.build(text).image)
    assert {(m.uid, m.gid, m.mode) for m in found.values()} == {(1000, 50, 0o755)}
    found = members(engine, engine.build("FROM localhost/base\nUSER nobodyhere\nWORKDIR /made/deep\n").image)
    assert {(m.uid, m.gid) for m in found.values()} == {(0, 0)}


def test_a_linked_copy_is_a_hit_over_any_base(engine, context):
    text = "FROM localhost/base\nRUN echo {} > /x && ln -s /mnt /out\nCOPY --link x/a.txt /out/\n"
    one, two = (engine.build(text.format(n), context=context) for n in "12")
    assert [step.cached for step in two.steps] == [False, True]
    assert one.image.layers[-1].diff_id == two.image.layers[-1].diff_id
    run = engine.run(two.image, script="test ! -L /out && cat /out/a.txt\n")
    assert run.stdout == "x/a.txt"


def test_trees_replace_what_is_of_another_kind_and_links_at_the_destination_are_followed(engine, tmp_path):
    context = tmp_path / "c"
    (context / "one/a").mkdir(parents=True)
    (context / "one/a/f").write_text("1")
    (context / "two").mkdir()
    (context / "two/a").symlink_to("elsewhere")
    (context / "file").write_text("file")
    text = "FROM localhost/base\nCOPY {} /t/\nCOPY {} /t/\n"
    made = engine.build(text.format("one", "two"), context=context)
    assert made.image.layers[-1].changes["/t/a"] == "C"
    assert engine.run(made.image, script="readlink /t/a\n").stdout == "elsewhere\n"
    made = engine.build(text.format("two", "one"), context=context)
    assert engine.run(made.image, script="cat /t/a/f; test ! -L /t/a\n").stdout == "1"
    made = engine.build("FROM localhost/base\nRUN ln -s /mnt/real /ln\nCOPY file /ln\n", context=context)
    assert engine.run(made.image, script="cat /mnt/real; test -L /ln\n").stdout == "file"
    with pytest.raises(BuildError, match="onto a directory"):
        engine.build("FROM localhost/base\nRUN mkdir -p /d/file\nCOPY file /d/\n", context=context)


def test_names_of_one_file_stay_one_file_between_stages(engine):
    text = (
        "FROM localhost/base AS s\nRUN mkdir /d && echo x > /d/a && ln /d/a /d/b\nFROM scratch\nCOPY --from=s /d /e/\n"
    )
    found = members(engine, engine.build(text).image)
    assert (found["e/b"].islnk(), found["e/b"].linkname) == (True, "e/a")


def test_here_documents_and_files_of_a_stage_in_one_copy(engine):
    text = (
        "FROM localhost/base AS s\nRUN echo file > /f\nFROM scratch\nCOPY --from=s /f <<one <<two /d/\n1\none\n2\ntwo\n"
    )
    assert sorted(members(engine, engine.build(text).image)) == ["d", "d/f", "d/one", "d/two"]


@pytest.mark.parametrize(
    "pack",
    [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.compress],
    ids=["plain", "gzip", "bzip2", "xz", "zstd"],
)
def test_add_extracts_archives_by_content(engine, context, pack):
    data = tar(("d/", {"type": tarfile.DIRTYPE, "mode": 0o700, "uid": 7}), ("d/f", {"data": b"f", "gid": 8}))
    (context / "any.name").write_bytes(pack(data))
    found = members(engine, add(engine, context, "ADD any.name /out").image)
    assert sorted(found) == ["out", "out/d", "out/d/f"]
    assert (found["out/d"].uid, found["out/d"].mode, found["out/d/f"].gid) == (7, 0o700, 8)
    assert names(engine, context, "ADD --unpack=false any.name /out") == ["out"]
    assert names(engine, context, "COPY any.name /out/") == ["out", "out/any.name"]
    found = members(engine, add(engine, context, "ADD --chown=1:2 any.name /out").image)
    assert {(m.uid, m.gid) for m in found.values()} == {(1, 2)}


def test_add_copies_what_is_no_archive_as_copy_does(engine, context):
    (context / "bad.tar.gz").write_bytes(gzip.compress(b"no tar" * 200))
    (context / "cut.gz").write_bytes(gzip.compress(b"x" * 5000)[:10])
    assert names(engine, context, "ADD bad.tar.gz cut.gz x /out/") == sorted(
        ["out", "out/bad.tar.gz", "out/cut.gz", "out/a.txt", "out/a.md", "out/y", "out/y/b.txt"]
    )
    text = "FROM scratch\nADD <<EOF /here\nhello\nEOF\n"
    assert sorted(members(engine, engine.build(text, context=context).image)) == ["here"]


def test_an_archive_never_leaves_its_destination(engine, context):
    link = {"type": tarfile.SYMTYPE}
    (context / "abs.tar").write_bytes(tar(("l", {**link, "linkname": "/etc"}), ("l/passwd", {"data": b"mine"})))
    (context / "up.tar").write_bytes(tar(("l", {**link, "linkname": "../../.."}), ("l/x", {"data": b"mine"})))
    for name, wanted in (("abs.tar", "out/etc/passwd"), ("up.tar", "out/x")):
        made = engine.build(f"FROM localhost/base\nADD {name} /out/\n", context=context)
        assert wanted in members(engine, made.image)
    for name, member in (
        ("dots.tar", ("../x", {"data": b"mine"})),
        ("white.tar", (".wh.etc", {"data": b""})),
        ("hard.tar", ("h", {"type": tarfile.LNKTYPE, "linkname": "../../etc/passwd"})),
    ):
        (context / name).write_bytes(tar(("first", {"data": b""}), member))
        with pytest.raises(BuildError, match="line 2: ADD"):
            engine.build(f"FROM localhost/base\nADD {name} /out/\n", context=context)


def test_an_archives_links_and_special_files_land(engine, context):
    data = tar(
        ("a", {"data": b"a"}),
        ("b", {"type": tarfile.LNKTYPE, "linkname": "a"}),
        ("p", {"type": tarfile.FIFOTYPE}),
        ("null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}),
        ("deep/er/c", {"data": b"c"}),
        ("su", {"data": b"", "mode": 0o4755}),
    )
    (context / "t.tar").write_bytes(data)
    made = add(engine, context, "ADD t.tar /o/")
    found = members(engine, made.image)
    assert sorted(found) == ["o", "o/a", "o/b", "o/deep", "o/deep/er", "o/deep/er/c", "o/p", "o/su"]
    assert (found["o/b"].linkname, found["o/p"].isfifo(), found["o/su"].mode) == ("o/a", True, 0o4755)
    assert made.notes == ("ADD leaves the device /null of the archive out",)


def test_a_later_entry_replaces_an_earlier_one_and_what_the_image_has(engine, context):
    kind = {"type": tarfile.DIRTYPE, "mode": 0o755}
    (context / "t.tar").write_bytes(tar(("d", {"data": b"x"}), ("d/", kind), ("d/new", {"data": b"n"})))
    made = engine.build("FROM localhost/base\nRUN mkdir /d && echo old > /d/old\nADD t.tar /\n", context=context)
    assert engine.run(made.image, script="ls /d\n").stdout == "new\n"


def test_a_damaged_archive_is_told_at_its_line(engine, context):
    (context / "t.tar.gz").write_bytes(gzip.compress(tar(("f", {"data": os.urandom(100_000)})))[:50_000])
    with pytest.raises(BuildError, match="line 2: ADD: "):
        add(engine, context, "ADD t.tar.gz /out/")


class Server:
    """Files on the loopback; ``asked`` has the paths."""

    def __init__(self, files):
        self.asked = asked = []
        self.accounts = accounts = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                accounts.append(self.headers.get("Authorization"))
                if self.path.startswith("/to/"):
                    self.send_response(302)
                    self.send_header("Location", self.path.removeprefix("/to/"))
                    self.end_headers()
                    return
                data = files.get(self.path)
                self.send_response(404 if data is None else 200)
                self.send_header("Content-Length", str(len(data or b"") + 5 * (self.path == "/short")))
                if self.path.startswith("/dated"):
                    self.send_header("Last-Modified", "Sat, 01 Jan 2000 00:00:00 GMT")
                self.end_headers()
                self.wfile.write(data or b"")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def server():
    aged = gzip.compress(
        tar(("old", {"mtime": 5}), ("new", {"mtime": 1_000_000_000}), ("d", {"type": tarfile.DIRTYPE}))
    )
    made = Server(
        {
            "/f.txt": b"file",
            "/": b"root",
            "/t.tar.gz": gzip.compress(tar(a=b"a")),
            "/short": b"x",
            "/dated.txt": b"old",
            "/aged.tar.gz": aged,
        }
    )
    yield made
    made.close()


def test_add_fetches_a_url_as_dockers_file_and_unpacks_only_when_asked(engine, context, server):
    found = members(engine, add(engine, context, f"ADD {server.url}/f.txt /d/").image)
    assert (found["d/f.txt"].mode, found["d/f.txt"].uid, found["d/f.txt"].size) == (0o600, 0, 4)
    assert names(engine, context, f"ADD {server.url}/ /d/") == ["d", "d/__unnamed__"]
    assert names(engine, context, f"ADD {server.url}/f.txt /renamed") == ["renamed"]
    assert names(engine, context, f"ADD {server.url}/t.tar.gz /d/") == ["d", "d/t.tar.gz"]
    assert names(engine, context, f"ADD --unpack {server.url}/t.tar.gz /d/") == ["d", "d/a"]
    assert names(engine, context, f"ADD {server.url}/to//f.txt /d/") == ["d", "d/f.txt"]


def test_a_name_and_password_are_for_their_host_alone_and_in_no_message(engine, context, server):
    url = server.url.replace("://", "://me:se%20cret@")
    assert names(engine, context, f"ADD {url}/to/{server.url}/f.txt /d/") == ["d", "d/f.txt"]
    assert server.accounts == ["Basic bWU6c2UgY3JldA==", None]
    with pytest.raises(BuildError, match="answers 404") as caught:
        add(engine, context, f"ADD {url}/nothing /d/")
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "seconds"), [("/dated.txt", 946_684_800), ("/aged.tar.gz", 1_000_000_000), ("/f.txt", 315_532_800)]
)
def test_a_files_date_may_be_the_builds(engine, context, server, path, seconds):
    text = f"FROM scratch AS src\nADD {server.url}{path} /\nFROM scratch\nCOPY c.txt /\n"
    made = engine.build(text, context=context, build_args={"SOURCE_DATE_EPOCH": "src"})
    assert members(engine, made.image)["c.txt"].mtime == seconds
    made = engine.build(
        "ARG SOURCE_DATE_EPOCH=mine\nFROM scratch\nCOPY c.txt /\n",
        context=context,
        build_contexts={"mine": f"{server.url}{path}"},
    )
    assert members(engine, made.image)["c.txt"].mtime == seconds


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [("TOKEN", "t", "Bearer t"), ("HEADER", "Basic x", "Basic x"), ("TOKEN", "t\n", "Bearer t")],
)
def test_a_secret_signs_in_at_its_host_alone(engine, context, server, tmp_path, name, value, sent):
    (tmp_path / "value").write_text(value)
    host = server.url.removeprefix("http://")
    secrets = {
        f"HTTP_AUTH_{name}_{host}": Secret(source=tmp_path / "value"),
        f"HTTP_AUTH_{name}_else": Secret(source=tmp_path),
    }
    add(engine, context, f"ADD {server.url}/f.txt /{name}-{len(value)}", secrets=secrets)
    add(engine, context, f"ADD http://localhost:{host.partition(':')[2]}/f.txt /other", secrets=secrets)
    assert server.accounts == [sent, None]
    (tmp_path / "value").write_text("a\nX-More: b")
    with pytest.raises(BuildError, match="it is no line of text"):
        add(engine, context, f"ADD {server.url}/f.txt /x", secrets=secrets)


def test_a_url_is_asked_again_and_its_content_decides(engine, context, server):
    line = f"ADD --chmod=644 {server.url}/f.txt /d/"
    assert [[step.cached for step in add(engine, context, line).steps] for _ in range(2)] == [[False], [True]]
    assert server.asked == ["/f.txt", "/f.txt"]


def test_a_checksum_is_held_and_spares_the_fetching(engine, context, server):
    good = f"sha256:{hashlib.sha256(b'file').hexdigest()}"
    line = f"ADD --checksum={good} {server.url}/f.txt /sum/"
    assert [[step.cached for step in add(engine, context, line).steps] for _ in range(2)] == [[False], [True]]
    assert server.asked == ["/f.txt"]
    with pytest.raises(BuildError, match="digest is not its --checksum"):
        add(engine, context, f"ADD --checksum=sha256:{'0' * 64} {server.url}/f.txt /d/")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/nothing", "answers 404"),
        ("/short", "cannot be fetched"),
        ("/to/file:///etc/passwd", "cannot be fetched|answers 302"),
        ("/to/ftp://127.0.0.1/x", "cannot be fetched|answers 302"),
    ],
)
def test_what_cannot_be_fetched_is_told(engine, context, server, path, says):
    with pytest.raises(BuildError, match=f"line 2: ADD: .*({says})"):
        add(engine, context, f"ADD {server.url}{path} /d/")


def test_add_takes_the_tree_of_a_commit(engine, context, repository):
    url, first = repository
    found = members(engine, add(engine, context, f"ADD {url} /d").image)
    assert sorted(found) == ["d", "d/.dockerignore", "d/out", "d/run.sh", "d/sub", "d/sub/f"]
    assert (found["d/run.sh"].mode, found["d/sub/f"].mode, found["d/out"].linkname) == (0o755, 0o644, "/etc/passwd")
    for ref in ("v1", first, first[:10]):
        made = engine.build(f"FROM localhost/base\nADD {url}#{ref}:sub /d\n", context=context)
        assert engine.run(made.image, script="cat /d/f\n").stdout == "one"
    assert "d/.git/HEAD" in members(engine, add(engine, context, f"ADD --keep-git-dir {url} /d").image)


def test_a_commit_is_held_to_its_checksum(engine, context, repository):
    url, first = repository
    assert add(engine, context, f"ADD --checksum={first} {url}#v1 /d").image
    with pytest.raises(BuildError, match="commit is not its --checksum"):
        add(engine, context, f"ADD --checksum={first} {url} /d")
    for line, says in ((f"{url}#nothing", "no branch, tag or commit"), (f"{url}#v1:none", "no directory")):
        with pytest.raises(BuildError, match=says):
            add(engine, context, f"ADD {line} /d")


def test_a_commits_date_may_be_the_builds(engine, context, repository, tmp_path):
    url, _ = repository
    show = ["git", "-C", tmp_path / "repos/r.git", "show", "-s", "--format=%ct", "v1"]
    text = f"FROM scratch AS src\nADD {url}#v1 /\nFROM scratch\nCOPY c.txt /\n"
    made = engine.build(text, context=context, build_args={"SOURCE_DATE_EPOCH": "src"})
    told = subprocess.run(show, check=True, capture_output=True, text=True).stdout
    assert members(engine, made.image)["c.txt"].mtime == int(told)


def test_a_submodule_of_this_machine_is_not_fetched(engine, context, repository, tmp_path):
    url, _ = repository
    work, bare = tmp_path / "work", tmp_path / "repos/r.git"
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=work, check=True, capture_output=True, text=True
    ).stdout.strip()
    (work / ".gitmodules").write_text(f'[submodule "s"]\n\tpath = s\n\turl = {bare}\n')
    subprocess.run(["git", "add", "-f", ".gitmodules"], cwd=work, check=True)
    subprocess.run(["git", "update-index", "--add", "--cacheinfo", f"160000,{head},s"], cwd=work, check=True)
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *author, "commit", "-q", "-m", "three"], cwd=work, check=True)
    subprocess.run(["git", "push", "-q", bare, "main"], cwd=work, check=True)
    subprocess.run(["git", "update-server-info"], cwd=bare, check=True)
    with pytest.raises(BuildError, match="cannot be fetched"):
        add(engine, context, f"ADD {url} /d")
    assert "d/.gitmodules" in members(engine, add(engine, context, f"ADD {url}?submodules=false /d").image)


SAME = """
import io, pathlib, sys, tarfile
from dockmagic.engine import build as building
from dockmagic.engine.engine import Engine
context = pathlib.Path(sys.argv[1])
context.mkdir()
(context / "f").write_text("f")
with tarfile.open(context / "t.tar", "w") as archive:
    for name, kind, uid in (("d", tarfile.DIRTYPE, 0), ("d/a", tarfile.REGTYPE, 7), ("d/p", tarfile.FIFOTYPE, 8),
                            ("d/l", tarfile.SYMTYPE, 9), ("d/h", tarfile.LNKTYPE, 7)):
        info = tarfile.TarInfo(name)
        info.type, info.uid, info.mode, info.linkname = kind, uid, 0o750, "d/a" if kind == tarfile.LNKTYPE else "x"
        archive.addfile(info)
engine = Engine(context / "home")
text = "FROM scratch\\nADD t.tar /o/\\nUSER 5:6\\nWORKDIR /w/v\\nCOPY --chown=3:4 --chmod=u=rw,go= f /q/r/\\nFROM scratch\\nCOPY --from=0 --link / /\\n"
print(*[layer.diff_id for layer in engine.build(text, context=context).image.layers])
engine.close()
"""


def test_every_kind_of_user_makes_the_same_layers(tmp_path):
    found = {}
    for kind in KINDS:
        user = make_user(kind, tmp_path)
        done = user.python(SAME, str(user.home / "context"))
        assert done.returncode == 0, done.stderr
        found[kind] = done.stdout
    assert len(set(found.values())) == 1, found


def test_named_contexts_are_directories_with_ignore_files_of_their_own_or_images(engine, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for name in ("kept", "hidden"):
        (other / name).write_text(name)
    (other / ".dockerignore").write_text("hidden\n")
    text = "FROM nosuchimage AS src\nRUN exit 1\nFROM base\nCOPY --from=src / /out/\nRUN ls /out > /names\n"
    contexts = {"src": str(other), "base": "docker-image://localhost/base"}
    made = building.build(engine.session, building.Request(text=text, build_contexts=contexts))
    assert engine.run(made.image, argv=("cat", "/names")).stdout == "kept\n"
    assert [
        step.cached
        for step in building.build(engine.session, building.Request(text=text, build_contexts=contexts)).steps
    ] == [
        True,
        True,
    ]


def test_a_wildcard_may_match_nothing_and_the_step_says_so(engine, context):
    (context / "empty").mkdir()
    assert names(engine, context, "COPY empty /out/") == ["out"]
    for _ in ("made", "taken from the cache"):
        made = engine.build("FROM scratch\nCOPY q* /out/\n", context=context)
        assert not made.image.layers
        assert [note for note in made.notes if note.startswith('COPY: nothing in the build context matches "q*"')]
    assert names(engine, context, "COPY c.txt q* /out/") == ["out", "out/c.txt"]
    text = "FROM scratch AS s\nCOPY . /s/\nFROM scratch\nCOPY --from=s {} /out/\n"
    assert not engine.build(text.format("/q/*"), context=context).image.layers
    made = engine.build(text.format("/q/* /s/c.txt"), context=context)
    assert sorted(members(engine, made.image)) == ["out", "out/c.txt"]
    with pytest.raises(BuildError, match="line 4: COPY --from"):
        engine.build(text.format("/q/* /s/gone"), context=context)


def test_several_sources_land_in_a_directory_of_the_image_without_a_slash(engine, context):
    text = "FROM scratch\nCOPY x /app\nCOPY c.txt x/a.txt {}\n"
    made = engine.build(text.format("/app"), context=context)
    assert sorted(members(engine, made.image)) == ["app", "app/a.txt", "app/c.txt"]
    assert engine.build(text.format("app"), context=context).image.layers[-1].diff_id == made.image.layers[-1].diff_id
    wanted = "line 3: COPY with more than one source: the destination must be a directory and end with a /"
    for destination in ("/other", "/app/a.txt"):
        with pytest.raises(BuildError, match=wanted):
            engine.build(text.format(destination), context=context)
    with pytest.raises(DockerfileError, match=wanted.replace("3", "2")):
        engine.build("FROM scratch\nCOPY --link c.txt x/a.txt /app\n", context=context)


def test_of_files_that_a_wildcard_finds_the_last_is_renamed_without_a_directory(engine, context):
    text = "FROM scratch AS s\nCOPY . /s/\nFROM scratch\nCOPY {}\n"
    for source in ("c*", "--from=s /s/c*", "--from=s /s/x/*.md", "x/*.md"):
        made = engine.build(text.format(f"{source} /out"), context=context)
        assert members(engine, made.image)["out"].isreg()
    for source in ("x/a.*", "--from=s /s/x/a.*"):
        assert min(members(engine, engine.build(text.format(f"{source} /out/"), context=context).image)) == "out"
        made = engine.build(text.format(f"{source} /out"), context=context)
        assert (members(engine, made.image)["out"].isreg(), members(engine, made.image)["out"].size) == (True, 7)
        assert made.notes == ("COPY writes several files over each other: /out is the last; a / at its end keeps all",)
        with pytest.raises(BuildError, match="line 4: COPY with more than one source"):
            engine.build(text.format(f"{source.replace('a.*', '*')} /out"), context=context)


def test_a_wildcard_follows_only_the_link_at_a_sources_end(engine, context):
    (context / "link").symlink_to("x")
    text = "FROM scratch AS s\nCOPY . /s/\nFROM scratch\nCOPY --from=s {} /out/\n"
    assert not engine.build(text.format("/s/l*/a.txt"), context=context).image.layers
    assert sorted(members(engine, engine.build(text.format("/s/link/a.*"), context=context).image)) == [
        "out",
        "out/a.md",
        "out/a.txt",
    ]
    assert "out/a.txt" in members(engine, engine.build(text.format("/s/lin*"), context=context).image)
