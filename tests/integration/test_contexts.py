"""Named contexts and images named by where they lie: directories, layouts, archives, repositories, files behind URLs."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

import pytest

from dockmagic import Engine
from dockmagic.builder.request import Secret
from dockmagic.errors import ArchiveError, BuildError, NotFoundError, UsageError
from dockmagic.oci import platform

TEXT = 'FROM scratch\nCOPY <<x /f\n{}\nx\nENV A={}\nCMD ["/f"]\n'


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("contexts") / "home")
    yield made
    assert made.session.store.check() == []
    made.close()


@pytest.fixture(scope="module")
def layout(engine, tmp_path_factory):
    """An OCI layout with the images ``one`` and ``two``, and an archive of each kind with both."""
    directory = tmp_path_factory.mktemp("layouts")
    for name in ("one", "two"):
        engine.build(TEXT.format(name, name), tags=f"localhost/l:{name}")
    for form, place in (("oci-dir", "dir"), ("oci-archive", "oci.tar"), ("docker-archive", "docker.tar")):
        engine.save("localhost/l:one", "localhost/l:two", output=directory / place, format=form)
    engine.rmi("localhost/l:one", "localhost/l:two")
    return directory


@pytest.fixture
def source(tmp_path):
    """A directory with a file, a program and what its ignore file hides."""
    directory = tmp_path / "source"
    (directory / "sub").mkdir(parents=True)
    (directory / "sub/f").write_text("flour\n")
    (directory / "hidden").write_text("x")
    (directory / ".dockerignore").write_text("hidden\n")
    return directory


def content(engine, image, path, tmp_path):
    with (tmp_path / "root.tar").open("w+b") as out:
        engine.export(image, out)
        out.seek(0)
        with tarfile.open(fileobj=out) as tar:
            return tar.extractfile(path).read().decode()


def variables(image):
    return [entry for entry in image.config["config"]["Env"] if not entry.startswith("PATH=")]


def test_a_directory_is_mounted_and_stays_as_it_is(engine, source):
    text = (
        "FROM localhost/base\nRUN --mount=from=src,target=/m,rw ls -A /m > /seen; cat /m/sub/f >> /seen; touch /m/new\n"
    )
    built = engine.build(
        text + "RUN --mount=from=src,source=sub/f,target=/one cat /one >> /seen\n", build_contexts={"src": str(source)}
    )
    assert engine.run(built.image, argv=("cat", "/seen")).stdout == ".dockerignore\nsub\nflour\nflour\n"
    assert not (source / "new").exists()
    (source / "hidden").write_text("y")
    assert [step.cached for step in engine.build(text, build_contexts={"src": str(source)}).steps] == [True]
    (source / "sub/f").write_text("rye\n")
    again = engine.build(text, build_contexts={"src": str(source)})
    assert [(step.cached, step.reason) for step in again.steps] == [(False, "--mount changed")]


def test_a_directory_is_the_first_content_of_a_cache(engine, source):
    text = "FROM localhost/base\nRUN --mount=type=cache,from=src,target=/c,id=named cat /c/sub/f > /seen; echo more >> /c/sub/f\n"
    built = engine.build(text, build_contexts={"src": str(source)}, no_cache=True)
    again = engine.build(text, build_contexts={"src": str(source)}, no_cache=True)
    assert engine.run(built.image, argv=("cat", "/seen")).stdout == "flour\n"
    assert engine.run(again.image, argv=("cat", "/seen")).stdout == "flour\nmore\n"
    assert (source / "sub/f").read_text() == "flour\n"


def test_a_directory_is_built_on_as_an_empty_image_with_its_files(engine, source, tmp_path):
    built = engine.build("FROM src\nCOPY <<x /g\nx\nENV A=1\n", build_contexts={"src": str(source)})
    assert content(engine, built.image, "sub/f", tmp_path) == "flour\n"
    assert len(built.image.layers) == 2
    assert variables(built.image) == ["A=1"]
    with pytest.raises(KeyError):
        content(engine, built.image, "hidden", tmp_path)


@pytest.mark.parametrize("where", ["{0}/dir:two", "{0}/dir@{1}", "{0}/dir:two@{1}"])
def test_a_layout_is_a_base_and_is_copied_from(engine, layout, tmp_path, where):
    manifests = json.loads((layout / "dir/index.json").read_text())["manifests"]
    digest = next(m["digest"] for m in manifests if m["annotations"]["org.opencontainers.image.ref.name"] == "two")
    given = {"base": "oci-layout://" + where.format(layout, digest)}
    built = engine.build("FROM base\nCOPY --from=base /f /g\n", build_contexts=given)
    assert content(engine, built.image, "g", tmp_path) == "two\n"
    assert variables(built.image) == ["A=two"]
    assert built.image.config["config"]["Cmd"] == ["/f"]


def test_a_layout_is_mounted(engine, layout):
    text = "FROM localhost/base\nRUN --mount=from=l,target=/m cat /m/f > /seen\n"
    built = engine.build(text, build_contexts={"l": f"oci-layout://{layout}/dir:one"})
    assert engine.run(built.image, argv=("cat", "/seen")).stdout == "one\n"


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        ("oci:{}/dir:one", "one"),
        ("oci-archive:{}/oci.tar:two", "two"),
        ("docker-archive:{}/docker.tar:localhost/l:one", "one"),
        ("docker-archive:{}/docker.tar:@1", "two"),
    ],
)
def test_an_image_is_named_by_where_it_lies(engine, layout, tmp_path, place, wanted):
    name = place.format(layout)
    built = engine.build(f"FROM {name}\nLABEL a=b\n")
    assert content(engine, built.image, "f", tmp_path) == f"{wanted}\n"
    assert not built.warnings
    assert engine.run(name).exit_code in {126, 125}  # found and started: its command is a text
    assert not any(image.tags for image in engine.images() if "localhost/l" in str(image.tags))


def test_layers_of_a_layout_that_are_here_are_not_read_at_every_build(engine, layout, tmp_path):
    place = tmp_path / "lay"
    shutil.copytree(layout / "dir", place)
    text = f"FROM oci:{place}:two\nLABEL again=1\n"
    built = engine.build(text)
    manifests = json.loads((place / "index.json").read_text())["manifests"]
    for manifest in (json.loads((place / blob_of(row)).read_text()) for row in manifests):
        for layer in manifest["layers"]:
            (place / blob_of(layer)).write_bytes(b"no tar")
    assert engine.build(text, no_cache=True).image.id == built.image.id
    with pytest.raises(ArchiveError):
        engine.load(place)  # a load verifies everything
    other = Engine(tmp_path / "other")
    with pytest.raises(ArchiveError, match="differs from its digest"):
        other.build(text)
    other.close()


def blob_of(described):
    return f"blobs/{described['digest'].replace(':', '/')}"


def test_a_pull_from_a_place_keeps_the_name_and_a_load_takes_one(engine, layout):
    assert engine.pull(f"oci:{layout}/dir:one").tags == ("localhost/l:one",)
    (loaded,) = engine.load(f"oci-archive:{layout}/oci.tar:two")
    assert loaded.tags == ("localhost/l:two",)
    engine.rmi("localhost/l:one", "localhost/l:two")


def test_a_path_is_taken_from_the_working_directory(engine, layout, monkeypatch):
    monkeypatch.chdir(layout)
    assert engine.inspect("oci:dir:one").id == engine.inspect("oci:./dir:one").id
    engine.build("FROM scratch\n", tags="oci:dir")
    assert engine.inspect("oci:dir").layers == ()  # a name that is here goes before a place
    engine.rmi("oci:dir")


@pytest.mark.parametrize(
    ("place", "error", "says"),
    [
        ("oci:{}/dir", ArchiveError, "holds 2 images, and one is wanted"),
        ("oci:{}/dir:three", ArchiveError, 'no image "three"\nit has localhost/l:one'),
        ("oci:{}/nothing", NotFoundError, "there is no such directory"),
        ("oci:{}/oci.tar:one", NotFoundError, "there is no such directory"),
        ("docker-archive:{}/dir", NotFoundError, "there is no such file"),
        ("dir:{}/dir", UsageError, "not taken from dir: places"),
        ("docker-daemon:a:{}", UsageError, "not taken from docker-daemon: places"),
    ],
)
def test_a_place_without_the_image_is_told(engine, layout, place, error, says):
    with pytest.raises(error, match=says):
        engine.history(place.format(layout))
    with pytest.raises((BuildError, ArchiveError), match=says):
        engine.build(f"FROM {place.format(layout)}\n")


def test_an_image_for_another_platform_lies_there_too(engine, tmp_path):
    engine.build(
        "FROM scratch\nARG TARGETARCH\nCOPY <<x /f\n$TARGETARCH\nx\n",
        platform=f"{platform.here()},linux/s390x",
        tags="two:1",
    )
    engine.save("two:1", output=tmp_path / "two", format="oci-dir")
    engine.rmi("two:1")
    built = engine.build(f"FROM oci:{tmp_path}/two\n", platform="linux/s390x")
    assert content(engine, built.image, "f", tmp_path) == "s390x\n"
    (loaded,) = engine.load(tmp_path / "two", platform="linux/s390x")
    assert loaded.id == built.image.id or loaded.config["architecture"] == "s390x"
    engine.rmi("two:1")


def test_what_is_fetched_lies_in_the_store_where_a_killed_build_leaves_it_to_the_next_sweep(
    engine, repository, tmp_path, monkeypatch
):
    url, _ = repository
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    seen = set()
    engine.build(
        f"FROM repo\nADD {url}#v1 /more\n",
        build_contexts={"repo": f"{url}#v1"},
        no_cache=True,
        on_event=lambda _: seen.update(path.name for path in (tmp_path / "tmp").iterdir()),
    )
    assert seen == set()
    assert list((engine.session.store.path / "tmp").iterdir()) == []


def test_a_repository_is_a_context(engine, repository, tmp_path):
    url, _ = repository
    text = "FROM repo AS all\nFROM scratch\nCOPY --from=repo /sub/f /f\nCOPY --from=all /.dockerignore /ignore\n"
    built = engine.build(text, build_contexts={"repo": f"{url}#v1", "unused": f"{url}#nothing"})
    assert content(engine, built.image, "f", tmp_path) == "one"
    assert content(engine, built.image, "ignore", tmp_path) == "*\n"
    with pytest.raises(NotFoundError, match="--build-context repo: the repository has no branch, tag or commit"):
        engine.build(text, build_contexts={"repo": f"{url}#nothing"})


def test_a_file_behind_a_url_is_a_context_of_one_file(engine, repository, tmp_path):
    url, _ = repository
    built = engine.build(
        "FROM scratch\nCOPY --from=u context /f\n",
        build_contexts={"u": f"{url.removesuffix('.git')}.git/HEAD?x=1".replace("?x=1", "")},
    )
    assert content(engine, built.image, "f", tmp_path) == "ref: refs/heads/main\n"


@pytest.mark.parametrize("name", ["GIT_AUTH_TOKEN", "GIT_AUTH_TOKEN.{}"])
def test_a_private_repository_is_fetched_with_the_secret_that_is_for_it(
    engine, repository, tmp_path, monkeypatch, name
):
    url, _ = repository
    private, host = url.replace("/r.git", "/private/r.git"), url.split("/")[2]
    monkeypatch.setenv("TOKEN", "sesame")
    secrets = {name.format(host): Secret(variable="TOKEN")}
    built = engine.build(f"FROM scratch\nADD {private}#v1:sub /d\n", secrets=secrets)
    assert content(engine, built.image, "d/f", tmp_path) == "one"
    built = engine.build("FROM repo\n", build_contexts={"repo": private}, secrets=secrets)
    assert content(engine, built.image, "sub/f", tmp_path) == "two"
    assert "sesame" not in json.dumps(built.image.config)
    for other in ({}, {"GIT_AUTH_TOKEN.else.example": Secret(variable="TOKEN")}):
        with pytest.raises(BuildError, match="line 2: ADD: the repository cannot be fetched"):
            engine.build(f"FROM scratch\nADD {private} /e\n", secrets=other)


@pytest.fixture
def ssh(tmp_path, monkeypatch):
    """A stand-in for ssh, before the real one in PATH: notes how it was called, and runs on this machine what it was to run there."""
    directory = tmp_path / "bin"
    directory.mkdir()
    program = directory / "ssh"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$SSH_AUTH_SOCK" "$@" >> {tmp_path}/called\n'
        f'for last; do :; done\ncd {tmp_path}/repos && eval "$last"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    return tmp_path / "called"


@pytest.mark.parametrize("form", ["git@host.example:r.git", "ssh://git@host.example{0}/repos/r.git"])
def test_a_repository_behind_ssh_is_fetched_with_the_agent_that_is_given(engine, repository, ssh, tmp_path, form):
    agent = tmp_path / "agent"
    text = f"FROM scratch\nADD {form.format(tmp_path)}#v1:sub /d\n"
    built = engine.build(text, agents={"default": agent})
    assert content(engine, built.image, "d/f", tmp_path) == "one"
    called = ssh.read_text()
    assert str(agent) in called
    for word in ("git@host.example", "BatchMode=yes", "StrictHostKeyChecking=yes", "IdentityFile=none"):
        assert word in called
    with pytest.raises(BuildError, match=r"line 2: ADD: .*needs an agent"):
        engine.build(text.replace("ADD", "ADD --chmod=600"))


@pytest.fixture
def sshd(tmp_path, monkeypatch):
    """A real server on the loopback and an agent with a key that may sign in: (where it listens, the agent's socket, known_hosts)."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("openssh-server is not installed")
    if os.geteuid() != 0:
        pytest.skip("only root runs a server that anybody may sign in at")
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    for name in ("host", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    options = {
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": tmp_path / "host",
        "AuthorizedKeysFile": tmp_path / "key.pub",
        "PermitRootLogin": "yes",
        "StrictModes": "no",
        "PidFile": "none",
        "UsePAM": "no",
    }
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    server = subprocess.Popen([program, "-D", "-e", "-f", "/dev/null", *words], stderr=subprocess.DEVNULL)
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", tmp_path / "agent"], stdout=subprocess.DEVNULL)
    try:
        while not (tmp_path / "agent").exists() and agent.poll() is None:
            time.sleep(0.05)
        environment = {**os.environ, "SSH_AUTH_SOCK": str(tmp_path / "agent")}
        subprocess.run(["ssh-add", "-q", tmp_path / "key"], env=environment, check=True, capture_output=True)
        while server.poll() is None and not _answers(port):
            time.sleep(0.05)
        monkeypatch.setenv("HOME", str(home))
        yield f"root@127.0.0.1:{port}", tmp_path / "agent", home / ".ssh/known_hosts"
    finally:
        for process in (server, agent):
            process.terminate()
            process.wait()


def _answers(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_a_repository_of_a_real_server_is_fetched_once_its_key_is_known(engine, repository, sshd, tmp_path):
    place, agent, known = sshd
    text = f"FROM scratch\nADD ssh://{place}{tmp_path}/repos/r.git#v1:sub /d\n"
    with pytest.raises(BuildError, match=r"cannot be fetched\nssh-keyscan HOST"):
        engine.build(text, agents={"default": agent})
    port = place.rpartition(":")[2]
    kind, key = (tmp_path / "host.pub").read_text().split()[:2]
    known.write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
    built = engine.build(text, agents={"default": agent})
    assert content(engine, built.image, "d/f", tmp_path) == "one"


def test_a_repository_elsewhere_reaches_no_ssh_without_an_agent(engine, repository, ssh):
    url, _ = repository
    assert engine.build(f"FROM scratch\nADD {url} /d\n").image
    assert not ssh.exists()
    assert shutil.which("ssh")


def test_a_trigger_copies_and_mounts_from_stages_and_contexts_of_the_build_that_it_runs_in(engine, source):
    engine.build(
        "FROM localhost/base\nONBUILD COPY --from=make /out /copied\nONBUILD RUN --mount=from=src,target=/m cat /m/sub/f > /seen\n",
        tags="triggers:1",
    )
    text = "FROM localhost/base AS make\nRUN echo made > /out\nFROM triggers:1\n"
    built = engine.build(text, build_contexts={"src": str(source)})
    assert engine.run(built.image, argv=("cat", "/copied", "/seen")).stdout == "made\nflour\n"
    engine.rmi("triggers:1")
