"""Values by way of files: into real containers, and back out of their writable layers, links and all."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pandas as pd
import pytest

from dockmagic.engine import taking
from dockmagic.engine.engine import Engine
from dockmagic.errors import NotFoundError, RunError, UsageError


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("values") / "home")
    made.build("FROM localhost/base\nRUN mkdir /made && echo below > /made/old\n", tags=("box:1",))
    yield made
    assert made.session.store.check() == []
    made.close()


def test_values_are_read_only_files_and_scalars_variables(engine, tmp_path):
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "sub" / "x").write_text("deep\n")
    script = """
cd /run/dockmagic/in
for f in *; do [ -f "$f" ] && printf '%s=%s\\n' "$f" "$(cat "$f")"; done
cat tree/sub/x
echo "$n-$t-${rows-unset}"
(echo x > n) 2>/dev/null || echo read-only
"""
    values = {"n": 3, "t": "a b", "rows": [1, {"k": None}], "raw": b"\x01", "tree": tmp_path / "tree"}
    run = engine.run("box:1", script=script, given=values)
    assert run.stdout.splitlines() == [
        "n=3",
        "raw=\x01",
        'rows=[1, {"k": null}]',
        "t=a b",
        "deep",
        "3-a b-unset",
        "read-only",
    ]
    assert (run.changes, run.error) == ({}, None)


def test_a_variable_of_the_command_goes_before_a_value(engine):
    assert engine.run("box:1", script="echo $n\n", given={"n": 1}, env={"n": "2"}).stdout == "2\n"


def test_values_reach_a_command_without_a_script_and_leave_no_trace_in_the_container(engine):
    assert engine.run("box:1", argv=("cat", "/run/dockmagic/in/t"), given={"t": "hi"}, name="kept").stdout == "hi"
    run = engine.exec("kept", script="ls /run/dockmagic; echo ${t-gone}\n")
    assert run.stdout == "script\ngone\n"
    engine.rm("kept")


def test_files_come_back_as_their_names_say(engine):
    script = """
echo '{"a": [1]}' > /o.json
printf 'n,s\\n1,x\\n' > /o.csv
printf '\\377' > /o.bin
mkdir -p /tree/sub && echo t > /tree/sub/t && echo 2 > /tree/n.json && ln -s /etc/passwd /tree/link && mkfifo /tree/pipe
"""
    paths = ("/o.json", "/o.csv", "/o.bin", "/tree", "/made/old", "/etc/hostname")
    run = engine.run("box:1", script=script, get=paths)
    assert run.value("/o.json") == {"a": [1]}
    assert run.value("/o.csv").equals(pd.DataFrame({"n": [1], "s": ["x"]}))
    assert run.value("/o.bin") == b"\xff"
    assert run.value("/tree") == {"sub/t": "t\n", "n.json": 2}
    assert run.value("/made/old") == "below\n"
    with pytest.raises(NotFoundError, match="has no file /other"):
        run.value("/other")


def test_a_link_leads_nowhere_outside_of_the_container(engine, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("host's own")
    script = f"""
ln -s {secret} /one
mkdir /d && ln -s {tmp_path} /d/dir && ln -s ../../../../../../../..{secret} /d/up
ln -s /proc/self/root/etc/passwd /proclink
ln -s loop /loop
ln -s /made/old /inside
"""
    paths = ("/one", "/d/dir/secret", "/d/up", "/proclink", "/loop", "/inside", "/d")
    run = engine.run("box:1", script=script, get=paths)
    assert run.files == {"/inside": b"below\n", "/d": {}}
    assert isinstance(run.error, NotFoundError)
    assert str(run.error) == "--get /one: nothing stands there"


def test_deleted_replaced_and_strange_paths(engine):
    run = engine.run("box:1", script="rm -r /made; mkdir /made; mkfifo /pipe\n", get=("/made/old", "/made", "/pipe"))
    assert run.files == {"/made": {}}
    assert str(run.error) == "--get /made/old: nothing stands there"
    run = engine.run("box:1", script="mkfifo /pipe\n", get=("/pipe",))
    assert str(run.error) == "--get /pipe: it is neither a file nor a directory"
    with pytest.raises(UsageError, match="must be absolute"):
        engine.run("box:1", script="true\n", get=("x",))


def test_a_failed_script_keeps_its_own_error_and_what_it_wrote(engine):
    run = engine.run("box:1", script="echo so far > /log\nexit 4\n", get=("/log", "/none"))
    assert isinstance(run.error, RunError)
    assert run.files == {"/log": b"so far\n"}


def test_what_is_too_large_is_said_and_does_not_come(engine, monkeypatch):
    monkeypatch.setattr(taking, "SIZE", 1_000_000)
    run = engine.run(
        "box:1", script="head -c 600000 /dev/zero > /a; cp /a /b; truncate -s 1T /huge\n", get=("/a", "/b", "/huge")
    )
    assert list(run.files) == ["/a"]
    assert str(run.error).startswith("--get /b: it is too large")
    monkeypatch.setattr(taking, "ENTRIES", 3)
    run = engine.run("box:1", script="mkdir /d; for i in 1 2 3 4; do : > /d/$i; done\n", get=("/d",))
    assert "--get /d: it has more than 3 files" in str(run.error)


def test_a_volume_is_this_machines(engine, tmp_path):
    run = engine.run("box:1", script="echo x > /data/x\n", volumes=(f"{tmp_path}:/data",), get=("/data/x",))
    assert "what a script writes into a volume is on this machine already" in str(run.error)
    assert Path(tmp_path / "x").read_text() == "x\n"


def test_values_go_into_a_living_container_and_out_of_it(engine):
    worker = threading.Thread(target=engine.run, args=("box:1",), kwargs={"script": "sleep 60\n", "name": "live"})
    worker.start()
    while not any(c.name == "live" and c.status == "running" for c in engine.ps()):
        time.sleep(0.01)
    run = engine.exec("live", script="cp /run/dockmagic/in/v /o; echo $v\n", given={"v": "hi"}, get=("/o",))
    assert (run.stdout, run.files) == ("hi\n", {"/o": b"hi"})
    engine.rm("live", force=True)
    worker.join()


def test_a_files_owner_and_mode_do_not_hide_it(engine):
    run = engine.run("box:1", script="echo x > /o; chmod 0 /o; chown 7:7 /o\n", get=("/o",))
    assert run.files == {"/o": b"x\n"}
