"""The verbs on real containers: what design and docker promise of names, layers, exec, commit and removal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.engine.settings import Settings
from dockmagic.errors import ConflictError, NotFoundError, UsageError
from dockmagic.testing import docker_archive, sha256, tar_of

BREAD = 'FROM localhost/base\nCOPY <<EOF /filling\nred bean\nEOF\nCMD ["cat", "/filling"]\n'


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("engine") / "home")
    made.build(BREAD, tags=("bread:1",))
    yield made
    assert made.session.store.check() == []
    made.close()


def test_the_images_own_command_runs(engine):
    run = engine.run("bread:1")
    assert (run.exit_code, run.stdout, run.changes) == (0, "red bean\n", {})


def test_words_replace_the_command(engine):
    assert engine.run("bread:1", argv=("echo", "hi")).stdout == "hi\n"


def test_a_script_gets_words_as_parameters(engine):
    assert engine.run("bread:1", script="echo $2-$1\n", argv=("a", "b")).stdout == "b-a\n"


def test_a_script_stops_at_the_first_failing_command(engine):
    run = engine.run("bread:1", script="echo a\nfalse\necho b\n")
    assert (run.exit_code, run.stdout) == (1, "a\n")
    assert str(run.error) == "the script failed with exit code 1"
    assert run.error.returncode == 1


def test_the_script_is_pid_1_and_its_file_is_read_only(engine):
    run = engine.run("bread:1", script="echo $$\n(echo x > /run/dockmagic/script) 2>/dev/null || echo refused\n")
    assert run.stdout == "1\nrefused\n"
    assert run.changes == {}


def test_a_shebang_chooses_the_interpreter(engine):
    assert engine.run("bread:1", script="#!/usr/bin/env cat\nhello\n").stdout == "#!/usr/bin/env cat\nhello\n"


def test_an_explicit_shell_of_the_image_interprets_scripts(engine):
    built = engine.build('FROM localhost/base\nSHELL ["/bin/sh", "-u", "-c"]\n')
    run = engine.run(built.image, script="false\necho on\necho $undefined\n")
    assert run.stdout == "on\n"
    assert run.exit_code != 0


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 3\n", 3), ("kill -TERM $$\n", 143), ("kill -9 $$\nsleep 5\n", 137)],
)
def test_exit_codes_are_dockers(engine, script, code):
    # a shell that is PID 1 is not ended by a signal from inside, so a child of it dies
    assert engine.run("bread:1", script=f"sh -c '{script.strip()}'\n").exit_code == code


def test_what_is_not_there_is_127_and_what_is_no_program_126(engine):
    missing = engine.run("bread:1", argv=("nowhere",))
    assert missing.exit_code == 127
    assert '"nowhere" is not in the image' in str(missing.error)
    assert engine.run("bread:1", argv=("/filling",)).exit_code == 126


def test_a_timeout_gives_137_and_says_so(engine):
    run = engine.run("bread:1", script="sleep 100000\n", timeout=0.5)
    assert (run.exit_code, run.stopped) == (137, "timeout")
    assert "timed out after 0.5 s" in str(run.error)


def test_a_run_without_name_leaves_no_container(engine):
    engine.run("bread:1", script="true\n")
    assert [c for c in engine.ps(all=True) if c.image == "bread:1" and c.name.startswith("bread")] == []


def test_a_named_run_stays_and_running_it_again_replaces_it(engine):
    first = engine.run("bread:1", name="fish1", script="echo 1 > /a\n")
    second = engine.run("bread:1", name="fish1", script="echo 2 > /b\n")
    assert first.container.id != second.container.id
    kept = engine.inspect("fish1")
    assert (kept.id, kept.status, kept.exit_code) == (second.container.id, "exited", 0)
    assert kept.changes == {"/b": "A"}
    engine.rm("fish1")
    with pytest.raises(NotFoundError):
        engine.inspect("fish1")


def test_a_kept_run_has_a_name_that_derives_from_its_content(engine):
    first = engine.run("bread:1", keep=True, script="echo 1 > /a\n").container
    second = engine.run("bread:1", keep=True, script="echo 1 > /a\n").container
    assert second.name == first.name
    assert [c.id for c in engine.ps(all=True) if c.name == first.name] == [second.id]
    engine.rm(second.name)


def test_a_default_name_says_nothing_of_ids_or_of_names_from_elsewhere(engine):
    image = engine.build(BREAD.replace("red bean", "sweet potato")).image
    names = [engine.run(image, script="true", keep=True).container.name]
    names.append(engine.run(image.short_id.removeprefix("sha256:"), script="true", keep=True).container.name)
    names.append(engine.run(engine.tag(image, "elsewhere:1").id, script="true", keep=True).container.name)
    assert names[0].startswith("image-")
    assert len(set(names)) == 1


def test_a_living_container_of_the_name_is_not_replaced(engine):
    thread = threading.Thread(target=lambda: engine.run("bread:1", name="alive", script="sleep 60\n"))
    thread.start()
    try:
        for _ in range(100):
            if any(c.name == "alive" for c in engine.ps()):
                break
            time.sleep(0.05)
        with pytest.raises(ConflictError, match="rm -f alive"):
            engine.run("bread:1", name="alive", script="true\n")
        with pytest.raises(ConflictError):
            engine.rm("alive")
        joined = engine.exec("alive", script="cat /filling\necho beside > /beside\nps -o pid= | wc -l\n", running=True)
        assert joined.stdout.startswith("red bean\n")
    finally:
        engine.rm("alive", force=True)
        thread.join(20)
    assert not thread.is_alive()


def test_exec_continues_on_the_writable_layer(engine):
    engine.run("bread:1", name="fish2", script="echo custard > /filling\necho x > /x\n")
    run = engine.exec("fish2", script="cat /filling\nrm /x\necho y > /y\necho more >> /filling\n")
    assert run.stdout == "custard\n"
    assert run.changes == {"/filling": "C", "/x": "D", "/y": "A"}
    assert engine.inspect("fish2").changes == {"/filling": "C", "/y": "A"}
    with pytest.raises(ConflictError):
        engine.exec("fish2", script="true\n", running=True)
    assert "custard" in engine.logs("fish2")
    engine.rm("fish2")


def test_changes_are_added_changed_and_deleted(engine):
    script = "mkdir /d\necho a > /d/a\necho b > /filling\nrm -r /mnt\nchmod 700 /home\ntouch /tmp\n"
    run = engine.run("bread:1", script=script)
    assert run.changes == {"/d": "A", "/d/a": "A", "/filling": "C", "/home": "C", "/mnt": "D"}


def test_what_dockmagic_provides_is_no_change(engine):
    run = engine.run(
        "bread:1", script="cat /etc/hosts > /dev/null\nls /proc /sys /dev > /dev/null\necho x > /dev/shm/x\n"
    )
    assert run.changes == {}


def test_three_containers_from_one_image_change_apart(engine):
    for n in "123":
        engine.run("bread:1", name=f"b{n}", script=f"echo {n} > /note\n")
    engine.build(BREAD.replace("red bean", "custard"), tags=("bread:1",))
    old = engine.inspect("b1")
    new = engine.inspect("bread:1")
    assert old.image_id != new.id
    assert engine.exec("b3", script="cat /filling /note\n").stdout == "red bean\n3\n"
    assert engine.run("bread:1").stdout == "custard\n"
    engine.rm("b1", "b2", "b3")
    engine.build(BREAD, tags=("bread:1",))


def test_an_image_in_use_is_not_removed(engine):
    engine.build("FROM bread:1\nRUN echo x > /x\n", tags=("used",))
    engine.run("used", name="user", script="true\n")
    with pytest.raises(ConflictError, match="user"):
        engine.rmi("used")
    engine.rm("user")
    assert "used:latest" in engine.rmi("used")
    with pytest.raises(NotFoundError):
        engine.inspect("used")


def test_commit_makes_a_mould_of_a_container(engine):
    engine.run("bread:1", name="fish3", script="echo note > /note\nrm /filling\necho > /etc/new")
    image = engine.commit("fish3", "bread:noted")
    assert len(image.layers) == len(engine.inspect("bread:1").layers) + 1
    changes = {"/filling": "D", "/note": "A", "/etc/new": "A"}
    assert dict(image.layers[-1].changes) == changes
    assert engine.run("bread:noted", script="cat /note\ntest ! -e /filling\n").stdout == "note\n"
    assert engine.inspect("fish3").changes == changes
    assert engine.diff("bread:1", "bread:noted").changes == changes
    # What a run made differs from run to run: the record prints no size of it.
    assert [layer.volatile for layer in image.layers] == [False, False, True]
    engine.rm("fish3")


def test_a_committed_image_is_set_as_the_container_was_unless_a_script_ran(engine, tmp_path):
    engine.build(
        'FROM localhost/base\nENV A=1 B=2\nLABEL k=v\nENTRYPOINT ["echo"]\nCMD ["red"]\n',
        context=tmp_path,
        tags=("set:1",),
    )
    given = {"env": {"B": "3", "C": "4"}, "user": "nobody", "workdir": "/tmp"}
    labels = Settings(labels=(("own", "label"),))
    settings = {}
    for name, more in {
        "words": {"command": ["bean"]},
        "script": {"script": "true"},
        "other": {"command": ["-c", "true"], "entrypoint": "sh"},
    }.items():
        engine.run("set:1", **more, name=f"set-{name}", settings=labels, **given)
        settings[name] = engine.commit(f"set-{name}").config["config"]
    assert [each.partition("=")[2] for each in settings["words"]["Env"] if each[1] == "="] == ["1", "3", "4"]
    assert (settings["words"]["User"], settings["words"]["WorkingDir"]) == ("nobody", "/tmp")
    assert settings["words"]["Labels"] == {"k": "v", "own": "label"}
    commands = {name: (each["Entrypoint"], each["Cmd"]) for name, each in settings.items()}
    assert commands == {
        "words": (["echo"], ["bean"]),
        "script": (["echo"], ["red"]),
        "other": (["sh"], ["-c", "true"]),
    }


def test_history_and_layers_name_instructions_as_written(engine):
    assert [e.instruction for e in engine.history("bread:1")][:2] == ['CMD ["cat", "/filling"]', "COPY <<EOF /filling"]
    layers = engine.layers("bread:1")
    assert layers[0].instruction == "COPY <<EOF /filling"
    assert (layers[0].size, layers[0].files) == (9, 1)
    assert layers[-1].host_made


def test_the_environment_is_clean_and_as_asked(engine, monkeypatch):
    monkeypatch.setenv("JUPYTER_TOKEN", "canary")
    run = engine.run("bread:1", script="env\n", env={"A": "b c"})
    names = {line.split("=")[0] for line in run.stdout.splitlines()}
    assert "A=b c" in run.stdout.splitlines()
    assert names <= {"A", "PATH", "HOME", "HOSTNAME", "PWD", "SHLVL", "_", "TERM", "OLDPWD"}


def test_a_volume_belongs_to_the_notebook(engine, tmp_path):
    (tmp_path / "in").write_text("given")
    built = engine.build("FROM localhost/base\nRUN echo 'bob:x:1000:1000::/:/bin/sh' >> /etc/passwd\n")
    for user in ("", "bob"):
        engine_run = engine.run(
            built.image, script="cat /d/in\necho out > /d/out\n", volumes=(f"{tmp_path}:/d",), user=user
        )
        assert engine_run.stdout == "given", engine_run.stderr
        assert (tmp_path / "out").stat().st_uid == os.getuid()
        (tmp_path / "out").unlink()
    read_only = engine.run("bread:1", script="echo x > /d/x\n", volumes=(f"{tmp_path}:/d:ro",))
    assert read_only.exit_code != 0
    with pytest.raises(UsageError):
        engine.run("bread:1", script="true\n", volumes=("./nothing:/d",))


def test_user_and_workdir_are_as_asked(engine):
    run = engine.run("bread:1", script="pwd\nid -u\n", user="65534", workdir="/tmp")
    assert run.stdout == "/tmp\n65534\n"


def test_without_a_network_there_is_only_loopback(engine):
    run = engine.run("bread:1", script="cat /proc/net/dev\n")
    assert [line.split(":")[0].strip() for line in run.stdout.splitlines()[2:]] == ["lo"]


def test_an_interrupt_ends_the_tree_and_carries_the_run(engine):
    timer = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        engine.run("bread:1", script="sleep 100000 & sleep 100000\n")
    assert caught.value.run.exit_code == 130


def test_a_build_twice_in_two_empty_stores_has_one_id(tmp_path):
    text = "FROM localhost/base\nWORKDIR /w\nRUN mkdir -p a/b && echo x > a/b/c && ln a/b/c d && ln -s d e && touch -d 2001-01-01 f\nUSER 7:8\n"
    ids = set()
    for name in "ab":
        engine = Engine(tmp_path / name)
        ids.add(engine.build(text).image.id)
        engine.close()
    assert len(ids) == 1


def test_a_miss_says_why(engine, tmp_path):
    (tmp_path / "f").write_text("1")
    text = "FROM localhost/base\nCOPY f /f\nRUN cat /f > /g\n"
    first = engine.build(text, context=tmp_path)
    assert [s.cached for s in first.steps] == [False, False]
    assert [s.cached for s in engine.build(text, context=tmp_path).steps] == [True, True]
    os.utime(tmp_path / "f", (1, 1))
    assert [s.cached for s in engine.build(text, context=tmp_path).steps] == [True, True]
    (tmp_path / "f").write_text("2")
    second = engine.build(text, context=tmp_path)
    assert [s.cached for s in second.steps] == [False, False]
    assert "content changed" in second.steps[0].reason
    assert "step above" in second.steps[1].reason
    forced = engine.build(text, context=tmp_path, no_cache=True)
    assert {s.reason for s in forced.steps} == {"--no-cache"}


def test_nothing_survives_the_death_of_the_kernel(tmp_path):
    script = textwrap.dedent("""
        import sys
        from dockmagic.engine.engine import Engine
        engine = Engine(sys.argv[1])
        def told(stream, data):
            print(data.decode(), flush=True)
        engine.run("localhost/base", script="sleep 4242 & echo started; sleep 4242", on_output=told)
    """)
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "home")],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stdout.readline().strip() == "started"
    inside = sleepers()
    assert len(inside) >= 2
    child.kill()
    child.wait()
    child.stdout.close()
    for _ in range(50):
        if not sleepers() & inside:
            break
        time.sleep(0.1)
    assert not sleepers() & inside
    engine = Engine(tmp_path / "home")
    assert list(engine.ps(all=True)) == []
    assert engine.run("localhost/base", argv=("echo", "again")).stdout == "again\n"
    assert engine.session.store.check() == []
    engine.close()


def sleepers() -> set[int]:
    """Pids of every process on the machine whose words are ``sleep 4242``."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if b"4242" in (entry / "cmdline").read_bytes():
                    found.add(int(entry.name))
            except OSError:
                continue
    return found


def test_tables_spell_out_what_an_image_would_do_to_a_terminal(engine, tmp_path):
    layer = tar_of({"x": b""})
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["true", "\x1b[2J"]},
        "history": [{"created_by": "/bin/sh -c #(nop) ADD \x1b[31m\u202e\u0000 " + "long " * 40 + "\nsecond line"}],
        "rootfs": {"type": "layers", "diff_ids": [sha256(layer)]},
    }
    (tmp_path / "saved.tar").write_bytes(docker_archive([(config, [layer], ["sly:1"])]))
    (image,) = engine.load(tmp_path / "saved.tar")
    engine.run("sly:1", argv=["\x1b[2J"], name="sly")
    for table in (engine.history("sly:1"), engine.layers("sly:1"), image.history(), engine.ps(all=True)):
        text = str(table)
        assert all(line.isprintable() for line in text.split("\n"))
        assert "\\x1b[" in text
        assert max(map(len, str(engine.layers("sly:1")).splitlines())) <= 80
    engine.rm("sly")
    engine.rmi("sly:1")


def test_mount_points_are_no_changes_unless_something_was_put_there(engine, tmp_path):
    (tmp_path / "file").write_text("given")
    volumes = (f"{tmp_path}:/deep/er/dir", f"{tmp_path}/file:/other/file", f"{tmp_path}:/mnt")
    run = engine.run("bread:1", script="cat /other/file /deep/er/dir/file\n", volumes=volumes)
    assert (run.stdout, run.changes) == ("givengiven", {})
    run = engine.run("bread:1", script="touch /deep/mine\n", volumes=volumes)
    assert run.changes == {"/deep": "A", "/deep/mine": "A"}


def test_a_mount_point_behind_the_images_link_is_no_change_either(engine, tmp_path):
    built = engine.build("FROM localhost/base\nRUN ln -s /srv/data /data && mkdir /srv\n")
    run = engine.run(built.image, script="ls /srv\n", volumes=(f"{tmp_path}:/data/in",))
    assert (run.stdout, run.changes) == ("data\n", {})


def test_a_container_that_another_process_is_about_to_start_is_not_replaced(engine):
    image = engine.build("FROM localhost/base\n", tags=("begun:1",)).image
    other = subprocess.Popen(["sleep", "60"])  # a kernel that lives
    try:
        engine.session.store.containers.create(
            id="ab" * 32, name="begun", image_id=image.id, image_ref="begun:1", kernel_pid=other.pid
        )
        with pytest.raises(ConflictError, match='the name "begun" belongs to'):
            engine.run("begun:1", script="true", name="begun")
    finally:
        other.kill()
        other.wait()
    assert engine.run("begun:1", script="true", name="begun").exit_code == 0


def test_commit_and_import_set_what_changes_say(engine, tmp_path):
    engine.run("localhost/base", ["sh", "-c", "echo x > /f"], name="changed")
    image = engine.commit("changed", "changed:1", author="me", message="baked", changes=["ENV A=1", "CMD cat /f"])
    assert image.config["author"] == "me"
    assert (image.entries[-1].comment, "A=1" in image.config["config"]["Env"]) == ("baked", True)
    assert engine.run("changed:1").stdout == "x\n"
    with pytest.raises(UsageError, match="RUN sets nothing"):
        engine.commit("changed", changes=["RUN true"])
    engine.export("changed", tmp_path / "root.tar")
    made = engine.import_(
        tmp_path / "root.tar", "flat:1", message="from afar", changes=['ENTRYPOINT ["cat"]', "CMD /f"]
    )
    assert made.entries[0].comment == "from afar"
    assert made.config["config"]["Entrypoint"] == ["cat"]
    assert engine.run("flat:1", ["/f"]).stdout == "x\n"


def test_labels_are_kept_with_a_container_and_its_id_is_written_to_a_new_file(engine, tmp_path):
    told = tmp_path / "id"
    run = engine.run(
        "localhost/base", ["true"], name="marked", cidfile=told, settings=Settings(labels=(("kept", "v"),))
    )
    assert told.read_text() == run.container.id
    assert [c.name for c in engine.ps(all=True, filters={"label": "kept=v"})] == ["marked"]
    with pytest.raises(ConflictError, match="the file is there already"):
        engine.run("localhost/base", ["true"], cidfile=told)
    with pytest.raises(UsageError, match="no such directory"):
        engine.run("localhost/base", ["true"], cidfile=tmp_path / "absent" / "id")
