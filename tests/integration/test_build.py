"""Builds on a real base, looked at from inside of the image and by its layers' tars."""

from __future__ import annotations

import json
import os
import signal
import tarfile
import threading

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.errors import BuildError, DockmagicError, NotFoundError, UsageError
from dockmagic.events import BuildFinished, StepFinished, StepOutput, StepStarted
from dockmagic.store.database import Database
from tests.users import KINDS, make_user


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("build") / "home")
    yield made
    assert made.session.store.check() == []
    made.close()


@pytest.fixture
def context(tmp_path):
    directory = tmp_path / "context"
    (directory / "dir/sub").mkdir(parents=True)
    (directory / "dir/a.txt").write_text("a")
    (directory / "dir/sub/b.txt").write_text("b")
    (directory / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (directory / "run.sh").chmod(0o700)
    (directory / "link").symlink_to("dir/a.txt")
    return directory


def members(engine, image, tmp_path):
    """The entries of an image's newest layer, by name."""
    path = tmp_path / "layer.tar"
    with path.open("w+b") as file:
        engine.session.store.layers.pack(image.layers[-1].diff_id, file.fileno())
    with tarfile.open(path) as tar:
        return {member.name: member for member in tar}


def sh(engine, image, script, **options):
    run = engine.run(image, script=script, **options)
    assert run.exit_code == 0, run.stderr
    return run.stdout


def test_copy_keeps_modes_and_makes_everything_roots(engine, context, tmp_path):
    built = engine.build("FROM localhost/base\nCOPY . /app/\n", context=context)
    found = members(engine, built.image, tmp_path)
    assert (found["app/run.sh"].mode, found["app/run.sh"].uid) == (0o700, 0)
    assert found["app/link"].linkname == "dir/a.txt"
    assert {m.mtime for m in found.values()} == {315532800}
    assert sh(engine, built.image, "/app/run.sh\ncat /app/dir/sub/b.txt /app/link\n") == "ran\nba"


def test_chown_and_chmod_hold_for_all_that_is_copied(engine, context, tmp_path):
    text = (
        "FROM localhost/base\nRUN echo 'bob:x:1000:50::/:/bin/sh' >> /etc/passwd && echo 'staff:x:60:' >> /etc/group\n"
        "COPY --chown=bob:staff --chmod=640 dir /d\n"
    )
    found = members(engine, engine.build(text, context=context).image, tmp_path)
    assert {(m.uid, m.gid, m.mode) for n, m in found.items() if n.startswith("d/")} == {(1000, 60, 0o640)}
    named = members(engine, engine.build(text.replace(":staff", ""), context=context).image, tmp_path)
    assert (named["d/a.txt"].uid, named["d/a.txt"].gid) == (1000, 50)
    with pytest.raises(BuildError, match="line 3: --chown: no user nobodyhere"):
        engine.build(text.replace("=bob:staff", "=nobodyhere"), context=context)


def test_a_file_is_renamed_or_lands_in_a_directory(engine, context):
    text = (
        "FROM localhost/base\nWORKDIR /w\nCOPY dir/a.txt one\nCOPY dir/a.txt two/\nCOPY dir/a.txt /mnt\n"
        "COPY dir/a.txt run.sh three/\nCOPY dir four\nCOPY dir/*.txt five/\n"
    )
    built = engine.build(text, context=context)
    script = "cd /w; find . /mnt -type f | sort\n"
    assert sh(engine, built.image, script).split() == [
        "./five/a.txt",
        "./four/a.txt",
        "./four/sub/b.txt",
        "./one",
        "./three/a.txt",
        "./three/run.sh",
        "./two/a.txt",
        "/mnt/a.txt",
    ]


def test_copy_follows_the_images_links_within_its_root(engine, context):
    text = "FROM localhost/base\nRUN ln -s /../../../mnt /out && mkdir /d && ln -s ../mnt /d/in\nCOPY dir/a.txt /out/a\nCOPY dir/a.txt /d/in/b\n"
    assert sh(engine, engine.build(text, context=context).image, "ls /mnt; test -L /out; test -L /d/in\n") == "a\nb\n"


def test_a_file_does_not_replace_a_directory(engine, context):
    with pytest.raises(BuildError, match="line 2: COPY") as caught:
        engine.build("FROM localhost/base\nCOPY dir/ /etc/passwd\n", context=context)
    assert caught.value.exit_code == 125


def test_copy_from_a_stage_keeps_owners_and_from_an_image_reads_its_layers(engine, tmp_path):
    engine.build("FROM scratch\nCOPY --chown=5:6 <<EOF /data/x\nx\nEOF\n", tags=("data:1",))
    text = (
        "FROM localhost/base AS make\nRUN mkdir -p /out/sub && echo 1 > /out/a && echo 2 > /out/sub/b && chown 7:8 /out/a && ln -s a /out/l\n"
        "FROM localhost/base\nCOPY --from=make /out/ /got/\nCOPY --from=0 /out/*/b /got/sub2/\nCOPY --from=data:1 data/x /got/\n"
    )
    built = engine.build(text)
    script = "cd /got; find . -type f | sort; readlink l; stat -c %u:%g a x\n"
    assert sh(engine, built.image, script).split() == ["./a", "./sub/b", "./sub2/b", "./x", "a", "7:8", "5:6"]


def test_a_missing_source_of_a_stage_is_told(engine):
    for source in ("/nothing", "/nothing/in", "/etc/passwd/x"):
        with pytest.raises(BuildError, match="line 3: COPY --from"):
            engine.build(f"FROM localhost/base AS a\nFROM localhost/base\nCOPY --from=a {source} /x/\n")


def test_stages_that_nobody_needs_are_not_built(engine):
    text = "FROM localhost/base AS broken\nRUN exit 1\nFROM localhost/base AS good\nRUN echo good > /x\nFROM good\nRUN cat /x > /y\n"
    built = engine.build(text)
    assert [step.stage for step in built.steps] == ["good", "stage-2"]
    assert engine.build(text, target="good").image.layers == built.image.layers[:-1]


def test_a_rebuilt_stage_with_the_same_content_is_a_hit_above(engine):
    text = "FROM localhost/base AS make\nRUN echo {} > /dev/null && echo same > /out\nFROM localhost/base\nCOPY --from=make /out /out\n"
    engine.build(text.format(1))
    again = engine.build(text.format(2))
    assert [step.cached for step in again.steps] == [False, True]


def test_heredocs_run_as_scripts(engine):
    text = (
        "FROM localhost/base\nRUN <<EOF\nx=1\necho $x > /one\nEOF\n"
        'RUN <<EOF\n#!/usr/bin/env -S awk -f\nBEGIN { print 2 > "/two" }\nEOF\n'
        "RUN cat <<A > /three && cat <<B >> /three\n3\nA\n4\nB\n"
    )
    assert sh(engine, engine.build(text).image, "cat /one /two /three\n") == "1\n2\n3\n4\n"


def test_exec_form_needs_no_shell_and_scratch_takes_files(engine):
    built = engine.build('FROM localhost/base AS b\nFROM scratch\nCOPY --from=b / /\nRUN ["touch", "/made"]\n')
    assert built.image.config["config"]["Env"][0].startswith("PATH=")
    assert dict(built.image.layers[-1].changes) == {"/made": "A"}
    with pytest.raises(BuildError, match='line 2: RUN: "/bin/sh" is not in the image') as caught:
        engine.build("FROM scratch\nRUN true\n")
    assert caught.value.exit_code == 127
    assert "shell" in caught.value.hint


def test_a_step_that_changes_nothing_makes_no_layer_and_is_not_run_again(engine):
    base = len(engine.build("FROM localhost/base\n").image.layers)
    text = "FROM localhost/base\nRUN true\nWORKDIR /tmp\n"
    built = engine.build(text)
    assert len(built.image.layers) == base
    assert [(step.instruction, step.layer) for step in built.steps] == [("RUN true", None)]
    assert [step.cached for step in engine.build(text).steps] == [True]
    assert [row.kind for row in built.rows] == ["from", "step", "setting"]


def test_deleted_and_replaced_paths_are_whiteouts(engine, tmp_path):
    text = "FROM localhost/base\nRUN mkdir /d && echo a > /d/a && echo b > /b\nRUN rm /b && rm -r /d && mkdir /d && echo c > /d/c\n"
    built = engine.build(text)
    assert dict(built.image.layers[-1].changes) == {"/b": "D", "/d/a": "D", "/d/c": "A"}
    assert {".wh.b", "d/.wh..wh..opq", "d/c"} <= set(members(engine, built.image, tmp_path))
    assert sh(engine, built.image, "ls /d; test ! -e /b\n") == "c\n"


def test_run_is_not_told_of_the_machine(engine, monkeypatch):
    monkeypatch.setenv("JUPYTER_TOKEN", "canary")
    text = "FROM localhost/base\nARG A=1\nENV B=2\nUSER 65534\nWORKDIR /tmp\nRUN env | sort > env; id -u >> env; pwd >> env; cat env\n"
    built = engine.build(text)
    lines = built.log.splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("["))
    assert found.keys() <= {"A", "B", "HOME", "PATH", "PWD", "SHLVL", "SOURCE_DATE_EPOCH", "_", "OLDPWD"}
    assert (found["A"], found["B"], found["SOURCE_DATE_EPOCH"]) == ("1", "2", "315532800")
    assert lines[-2:] == ["65534", "/tmp"]


def test_labels_tags_and_the_epoch_are_as_asked(engine):
    built = engine.build(
        "FROM localhost/base\nLABEL a=1\nRUN touch /x\n",
        tags=("named:1", "named:2"),
        labels={"b": "2"},
        build_args={"SOURCE_DATE_EPOCH": "1000000000"},
    )
    assert set(built.image.tags) == {"named:1", "named:2"}
    assert built.image.config["config"]["Labels"] == {"a": "1", "b": "2"}
    assert built.image.config["created"] == "2001-09-09T01:46:40Z"
    assert sh(engine, "named:1", "stat -c %Y /x\n") == "1000000000\n"


def test_a_bad_tag_is_refused_before_anything_runs(engine):
    events = []
    with pytest.raises(UsageError):
        engine.build("FROM localhost/base\nRUN touch /x\n", tags=("Bad:Tag",), on_event=events.append)
    assert events == []


def test_events_tell_of_every_row_in_order(engine):
    events = []
    built = engine.build("FROM localhost/base\nENV A=1\nRUN echo told\n", no_cache=True, on_event=events.append)
    assert [type(e) for e in events] == [
        *[StepStarted, StepFinished] * 2,
        StepStarted,
        StepOutput,
        StepFinished,
        BuildFinished,
    ]
    assert [e.index for e in events if isinstance(e, StepStarted)] == [0, 1, 2]
    assert events[5].data == b"told\n"
    assert events[-1].image_id == built.image.id


def test_a_failed_run_carries_line_step_log_and_code(engine):
    with pytest.raises(BuildError) as caught:
        engine.build("FROM localhost/base\nRUN echo out; echo err >&2; \\\n    exit 9\nRUN true\n")
    error = caught.value
    assert str(error).splitlines()[0] == "line 2: RUN failed with exit code 9"
    assert (error.line, error.step, error.exit_code) == (2, "RUN echo out; echo err >&2; \\", 9)
    assert set(error.log.split()) == {"out", "err"}
    assert "2 | RUN echo out" in error.detail
    assert [(row.failed, row.done) for row in error.result.rows] == [(False, True), (True, False), (False, False)]


def test_steps_tell_their_layers_where_no_image_has_them(engine):
    with pytest.raises(BuildError) as caught:
        engine.build("FROM localhost/base\nRUN echo flour > /dough\nRUN exit 7\n")
    rows = caught.value.result.rows
    assert [row.layer is not None for row in rows] == [False, True, False]
    assert dict(rows[1].layer.changes) == {"/dough": "A"}
    text = "FROM localhost/base AS one\nRUN echo a > /a\nFROM localhost/base\nCOPY --from=one /a /b\n"
    assert [dict(step.layer.changes) for step in engine.build(text).steps] == [{"/a": "A"}, {"/b": "A"}]


def test_a_signal_and_a_missing_user_are_told(engine):
    with pytest.raises(BuildError, match="line 2: RUN failed with exit code 137") as killed:
        engine.build("FROM localhost/base\nRUN sh -c 'kill -9 $$'\n")
    assert killed.value.exit_code == 137
    with pytest.raises(BuildError, match=r"line 3: .*nobodyhere"):
        engine.build("FROM localhost/base\nUSER nobodyhere\nRUN true\n")


def test_an_interrupt_ends_the_step_and_keeps_those_before(engine):
    text = "FROM localhost/base\nRUN echo kept > /kept\nRUN echo begun; sleep 60\n"
    timer = threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT))

    def on_event(event):
        if isinstance(event, StepOutput) and event.data == b"begun\n":
            timer.start()

    with pytest.raises(KeyboardInterrupt):
        engine.build(text, on_event=on_event)
    timer.join()
    again = engine.build("FROM localhost/base\nRUN echo kept > /kept\n")
    assert [step.cached for step in again.steps] == [True]


def test_the_context_is_not_read_before_a_copy_needs_it(engine, tmp_path):
    assert engine.build("FROM localhost/base\nRUN echo no context\n", context=tmp_path / "nowhere").image
    with pytest.raises(DockmagicError):
        engine.build("FROM localhost/base\nCOPY x /x\n", context=tmp_path / "nowhere")


def test_dockerignore_hides_what_it_names(engine, context):
    (context / ".dockerignore").write_text("dir/sub\n*.sh\n")
    built = engine.build("FROM localhost/base\nCOPY . /app\n", context=context)
    assert sh(engine, built.image, "cd /app; find . -type f | sort\n").split() == ["./.dockerignore", "./dir/a.txt"]
    with pytest.raises(BuildError, match="dockerignore"):
        engine.build("FROM localhost/base\nCOPY run.sh /x\n", context=context)


def test_a_source_that_is_not_there_is_told_on_its_own_line_of_the_instruction(engine, tmp_path):
    (tmp_path / "there").touch()
    with pytest.raises(BuildError) as caught:
        engine.build("FROM scratch\nCOPY there \\\n  missing \\\n  /d/\n", context=tmp_path)
    assert caught.value.line == 2
    assert str(caught.value).startswith("line 3: ")
    assert caught.value.detail.startswith("3 |   missing \\\n  |   ^^^^^^^")


def test_a_missing_base_is_told_at_its_line_with_the_rows_of_the_build(engine):
    with pytest.raises(BuildError, match="line 1: image not found: nowhere:1") as caught:
        engine.build("FROM nowhere:1\nRUN true\n")
    assert [(row.instruction, row.failed) for row in caught.value.result.rows] == [
        ("FROM nowhere:1", True),
        ("RUN true", False),
    ]


def test_a_rebuilt_tag_leaves_the_old_image_and_its_containers(engine):
    first = engine.build("FROM localhost/base\nRUN echo 1 > /n\n", tags=("moving",)).image
    engine.run("moving", name="old", script="true\n")
    second = engine.build("FROM localhost/base\nRUN echo 2 > /n\n", tags=("moving",)).image
    assert sh(engine, "moving", "cat /n\n") == "2\n"
    assert engine.exec("old", script="cat /n\n").stdout == "1\n"
    assert engine.inspect(first.id).tags == ()
    assert engine.inspect("moving").id == second.id
    engine.rm("old")


def test_two_kernels_build_the_same_at_once(tmp_path):
    script = (
        "import sys\nfrom dockmagic.engine.engine import Engine\n"
        "engine = Engine(sys.argv[1])\n"
        "for n in range(5):\n"
        "    b = engine.build(f'FROM localhost/base\\nRUN echo {n} > /n && head -c 1000000 /dev/zero > /z\\nCOPY --from=localhost/base /etc /e\\n', tags=('t',))\n"
        "print(b.image.id)\nengine.close()\n"
    )
    user = make_user("root", tmp_path)
    results: list[str] = []
    threads = [
        threading.Thread(target=lambda: results.append(user.python(script, str(tmp_path / "home")).stdout.strip()))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert len(set(results)) == 1
    assert results[0].startswith("sha256:")
    engine = Engine(tmp_path / "home")
    assert engine.session.store.check() == []
    engine.close()


OWNERS = """
import json, os, sys, tarfile
from dockmagic.engine.engine import Engine
engine = Engine()
text = '''FROM localhost/base
RUN echo 'bob:x:1000:1000::/home/bob:/bin/sh' >> /etc/passwd && mkdir /home/bob && chown 1000:1000 /home/bob
USER bob
WORKDIR /home/bob
RUN touch mine && mkdir dir && touch dir/too && ln -s mine link && echo more > /tmp/x
USER root
RUN touch /home/bob/roots
'''
build = engine.build(text)
owners = {}
for layer in build.image.layers[1:]:
    with open("layer.tar", "w+b") as file:
        engine.session.store.layers.pack(layer.diff_id, file.fileno())
        file.seek(0)
        owners.update({m.name: [m.uid, m.gid] for m in tarfile.open(fileobj=file)})
engine.run(build.image, name="cc", script="touch /root/roots\\n")
engine.exec("cc", script="touch /home/bob/later\\n", user="bob")
committed = engine.commit("cc")
with open("layer.tar", "w+b") as file:
    engine.session.store.layers.pack(committed.layers[-1].diff_id, file.fileno())
    file.seek(0)
    later = {m.name: [m.uid, m.gid] for m in tarfile.open(fileobj=file)}
print(json.dumps([build.image.id, owners, later, engine.session.store.check()]))
engine.close()
"""


def test_every_kind_of_user_makes_the_same_layers_with_the_same_owners(tmp_path):
    told = []
    for kind in KINDS:
        user = make_user(kind, tmp_path)
        done = user.python(f"import os; os.chdir(os.environ['HOME'])\n{OWNERS}")
        assert done.returncode == 0, done.stderr[-3000:]
        told.append(json.loads(done.stdout.splitlines()[-1]))
    _, owners, later, problems = told[0]
    bob = [1000, 1000]
    for name in ("home/bob", "home/bob/mine", "home/bob/dir", "home/bob/dir/too", "home/bob/link", "tmp/x"):
        assert owners[name] == bob, name
    assert (owners["home/bob/roots"], owners["etc/passwd"]) == ([0, 0], [0, 0])
    assert (later["root/roots"], later["home/bob/later"]) == ([0, 0], bob)
    assert problems == []
    assert told[1] == told[0]
    assert told[2] == told[0]


def test_a_base_that_was_removed_is_found_missing(engine):
    engine.build("FROM localhost/base\nRUN echo gone > /g\n", tags=("gone",))
    engine.rmi("gone")
    with pytest.raises(NotFoundError):
        engine.run("gone", argv=("true",))


def test_a_failed_step_can_be_entered_as_it_was_before(engine):
    text = (
        "FROM localhost/base\nARG A=1\nENV B=2\nWORKDIR /w\nUSER 65534\nRUN echo kept > /tmp/kept\n"
        "RUN echo half > /tmp/half; exit 4\n"
    )
    names = set()
    for _ in range(2):
        with pytest.raises(BuildError) as caught:
            engine.build(text)
        names.add(caught.value.container)
        assert caught.value.container in str(caught.value)
    assert len(names) == 1
    run = engine.exec(names.pop(), script="cat /tmp/kept; ls /tmp; echo $A $B; pwd; id -u\n")
    assert run.stdout.split() == ["kept", "kept", "1", "2", "/w", "65534"]
    assert [c.name for c in engine.ps(all=True)].count(caught.value.container) == 1
    engine.rm(caught.value.container)


def meeting(name, other):
    """A RUN that ends once the one with the names exchanged has begun."""
    return (
        f"RUN --mount=type=cache,id=meeting,target=/c touch /c/{name}; "
        f"while ! test -e /c/{other}; do sleep 0.05; done; echo {name} met {other}; echo {name} > /{name}\n"
    )


def test_independent_stages_run_at_the_same_time_and_are_logged_in_order(engine):
    text = (
        f"FROM localhost/base AS one\n{meeting('one', 'two')}FROM localhost/base AS two\n{meeting('two', 'one')}"
        "FROM localhost/base\nCOPY --from=two /two /\nCOPY --from=one /one /\n"
    )
    built = engine.build(text)
    assert [line for line in built.log.splitlines() if "met" in line and "RUN" not in line] == [
        "two met one",
        "one met two",
    ]
    assert [row.done for row in built.rows] == [True] * 7


def test_a_stage_that_fails_ends_the_others(engine):
    text = (
        "FROM localhost/base AS one\nRUN sleep 60\nFROM localhost/base AS two\nRUN echo two; exit 3\n"
        "FROM localhost/base\nCOPY --from=one /x /\nCOPY --from=two /x /\n"
    )
    with pytest.raises(BuildError, match="line 4: RUN failed with exit code 3") as caught:
        engine.build(text)
    assert [row.instruction for row in caught.value.result.rows if row.failed] == ["RUN echo two; exit 3"]


def test_an_interrupt_ends_all_stages(engine):
    text = (
        "FROM localhost/base AS one\nRUN sleep 60\nFROM localhost/base AS two\nRUN sleep 60\n"
        "FROM localhost/base\nCOPY --from=one /x /\nCOPY --from=two /x /\n"
    )
    timer = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        engine.build(text)
    timer.join()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("stage ")]


def test_hosts_and_a_stage_without_cache_are_as_asked(engine):
    text = "FROM localhost/base AS one\nRUN grep db /etc/hosts > /h\nFROM one\nRUN touch /two\n"
    built = engine.build(text, add_hosts=[("10.1.2.3", "db")])
    assert sh(engine, built.image, "cat /h\n") == "10.1.2.3\tdb\n"
    again = engine.build(text, add_hosts=[("10.1.2.3", "db")], no_cache_filter=["ONE"])
    assert [(step.cached, step.reason) for step in again.steps] == [(False, "--no-cache-filter"), (True, "")]
    other = engine.build(text, add_hosts=[("10.1.2.4", "db")])
    assert other.steps[0].reason == "--add-host changed"


def test_steps_from_the_cache_cost_no_transaction_each(engine, monkeypatch):
    begun, writing = [], Database.writing

    def counted(database):
        begun.append(database)
        return writing(database)

    monkeypatch.setattr(Database, "writing", counted)
    counts = []
    for steps in (2, 9):
        text = "FROM localhost/base\n" + "".join(f"WORKDIR /w/{n}\n" for n in range(steps))
        engine.build(text)
        begun.clear()
        assert all(step.cached for step in engine.build(text).steps)
        counts.append(len(begun))
    assert counts[0] == counts[1]


def test_what_is_taken_from_the_cache_while_another_process_prunes_it_is_told(tmp_path):
    engine, other = Engine(tmp_path / "home"), Engine(tmp_path / "home")
    text = "FROM localhost/base\nRUN echo a > /a\n"
    image = engine.build(text).image

    def prune(event):
        if isinstance(event, StepFinished) and event.cached:
            other.rmi(image.id)
            assert any(each.kind == "build cache" for each in other.prune())

    with pytest.raises(BuildError, match="another process removed a layer that was found in the cache") as error:
        engine.build(f"{text}RUN echo b > /b\n", on_event=prune)
    assert error.value.line == 3
    assert engine.build(f"{text}RUN echo b > /b\n").exit_code == 0
    assert engine.session.store.check() == []
    other.close()
    engine.close()
