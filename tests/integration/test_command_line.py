"""The real script, in a shell of its own."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import dockmagic
from dockmagic.testing import docker_archive, sha256, tar_of

SCRIPT = Path(sys.executable).with_name("dockmagic")


class Shell:
    """Runs the script with one store."""

    def __init__(self, directory):
        self.directory = directory
        self.env = {**os.environ, "DOCKMAGIC_HOME": str(directory / "home")}

    def __call__(self, *words, stdin=b"", code=0):
        done = subprocess.run(
            [SCRIPT, *words],
            input=stdin,
            capture_output=True,
            cwd=self.directory,
            env=self.env,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stderr.decode()
        self.err = done.stderr.decode()
        return done.stdout

    def text(self, *words, **options):
        return self(*words, **options).decode()


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    made = Shell(tmp_path_factory.mktemp("shell"))
    (made.directory / "ctx").mkdir()
    (made.directory / "ctx" / "f").write_text("hi\n")
    (made.directory / "ctx" / "Dockerfile").write_text(
        'FROM localhost/base\nARG W=x\nCOPY f /f\nRUN echo "made $W"\nCMD ["cat", "/f"]\n'
    )
    made("build", "-t", "b:1", "ctx")
    return made


def test_version_and_help(shell):
    assert shell.text("--version") == f"dockmagic {dockmagic.__version__}\n"
    assert "run the image's own command" in shell.text("--help")
    assert shell.text() == shell.text("help")
    assert "--timeout TIME" in shell.text("run", "--help")
    assert shell.text("help", "run") == shell.text("run", "--help")


def test_a_build_shows_its_steps_on_standard_error_and_prints_the_id(shell):
    told = shell.text("build", "-t", "b:1", "--build-arg", "W=w", "--no-cache", "-f", "ctx/Dockerfile", "ctx")
    assert told.startswith("sha256:")
    assert told.count("\n") == 1
    assert "made w\n" in shell.err
    assert shell.text("build", "-q", "--build-arg", "W=w", "ctx") == told
    assert "made" not in shell.err
    shell("build", "-t", "b:1", "ctx")


def test_a_dockerfile_comes_from_standard_input(shell):
    shell("build", "-q", "-f", "-", "-t", "piped:1", "ctx", stdin=b'FROM b:1\nCMD ["echo", "piped"]\n')
    assert shell.text("run", "piped:1") == "piped\n"


def test_a_failed_build_ends_with_1_and_says_where(shell):
    shell("build", "-f", "-", "ctx", stdin=b"FROM b:1\nRUN echo so; exit 7\n", code=1)
    assert "line 2" in shell.err
    assert "so\n" in shell.err
    assert "%container" not in shell.err
    shell("build", "-f", "-", "ctx", stdin=b"FROM b:1\nRUX x\n", code=1)
    assert "did you mean" in shell.err


def test_bytes_pass_unchanged_both_ways(shell):
    everything = bytes(range(256)) * 300
    assert shell("run", "-i", "b:1", "cat", stdin=everything) == everything
    assert shell("run", "b:1", "cat", stdin=everything) == b""


@pytest.mark.parametrize("code", [1, 3, 124])
def test_the_commands_own_code_is_the_scripts(shell, code):
    shell("run", "b:1", "sh", "-c", f"echo own >&2; exit {code}", code=code)
    assert shell.err.endswith("own\n")


def test_other_codes_are_dockers(shell):
    shell("run", "b:1", "nothere", code=127)
    assert '"nothere" is not in the image' in shell.err
    shell("run", "b:1", "/f", code=126)
    shell("run", "b:1", "sh", "-c", "sh -c 'kill -TERM $$'", code=143)
    shell("run", "--timeout", "300ms", "b:1", "sleep", "20", code=137)
    assert "timed out" in shell.err
    shell("run", "nothere:9", "true", code=125)
    shell("run", "--nope", "b:1", code=125)
    shell("ps", "--nope", code=125)
    shell("nope", code=125)
    shell("rmi", "nothere:9", code=1)
    shell("inspect", "nothere", code=1)
    assert "dockmagic images" in shell.err


def test_a_container_is_kept_and_gone(shell):
    shell("run", "--name", "c1", "b:1", "sh", "-c", "echo x > /new")
    assert shell.text("diff", "c1") == "A /new\n"
    assert shell.text("exec", "c1", "cat", "/new") == "x\n"
    assert shell.text("logs", "c1") == "x\n"
    assert shell.text("commit", "-m", "why", "c1", "b:2").startswith("sha256:")
    assert json.loads(shell("inspect", "c1"))[0]["name"] == "c1"
    assert "c1" in shell.text("ps", "-a")
    assert shell.text("tag", "b:2", "b:3") == ""
    assert shell.text("rm", "c1") == "c1\n"
    assert shell.text("rmi", "b:3").splitlines()[0].startswith("b:3")
    assert json.loads(shell("ps", "-a", "--json")) == []


def test_looking_at_images(shell):
    images = json.loads(shell("images", "--json"))
    assert "b:1" in [tag for image in images for tag in image["tags"]]
    assert "b:1" in shell.text("images")
    assert "COPY f /f" in shell.text("layers", "b:1")
    assert 'CMD ["cat", "/f"]' in shell.text("history", "b:1")
    assert json.loads(shell("history", "--json", "b:1"))[0]["instruction"] == 'CMD ["cat", "/f"]'


def test_a_run_as_json(shell):
    told = json.loads(shell("run", "--json", "b:1", "sh", "-c", "echo o; echo e >&2; touch /n; exit 3", code=3))
    assert (told["exit_code"], told["stdout"], told["stderr"], told["changes"]) == (3, "o\n", "e\n", {"/n": "A"})
    assert told["error"]["type"] == "RunError"


def test_files_go_in_and_come_out_by_value(shell):
    script = "cp -r /run/dockmagic/in/d /out; printf '\\377' > /bin1; printf '{' > /bad.json"
    gets = ("--get", "/out=got", "--get", "/bin1=one.bin", "--get", "/bad.json=bad.json")
    shell("run", "--in", "d=ctx", *gets, "b:1", "sh", "-c", script)
    assert (shell.directory / "got" / "f").read_text() == "hi\n"
    assert (shell.directory / "one.bin").read_bytes() == b"\xff"
    assert (shell.directory / "bad.json").read_text() == "{"
    shell("run", "--get", "/none=x", "b:1", "true", code=125)
    assert "--get /none: nothing stands there" in shell.err


def test_check_and_doctor(shell):
    (shell.directory / "bad").write_text("FROM localhost/base as x\nRUN true\n")
    assert "FromAsCasing" in shell.text("check", "bad", code=1)
    (shell.directory / "good").write_text("FROM localhost/base\nRUN true\n")
    shell("check", "good")
    assert json.loads(shell("doctor", "--json"))[0]["name"] == "tier"


def test_a_build_goes_to_standard_output_or_where_it_is_told(shell):
    with tarfile.open(fileobj=io.BytesIO(shell("build", "-o", "-", "ctx"))) as tar:
        assert tar.extractfile("f").read() == b"hi\n"
    image = shell.text("build", "-q", "-t", "b:1", "--iidfile", "iid", "--progress", "quiet", "ctx").strip()
    assert (shell.directory / "iid").read_text() == image
    assert "[1/" not in shell.err
    shell("build", "-o", "files", "--metadata-file", "meta", "--cache-to", "type=local,dest=kept", "ctx")
    assert (shell.directory / "files/f").read_text() == "hi\n"
    assert json.loads((shell.directory / "meta").read_bytes())["containerimage.config.digest"] == image
    shell("build", "--cache-from", "type=local,src=kept", "ctx")
    shell("build", "--cache-from", "b:1", "ctx", code=125)
    assert "a cache of type=registry is not available: give a directory: type=local" in shell.err


def test_an_archive_comes_in(shell):
    layer = tar_of({"x": b"x"})
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [sha256(layer)]}}
    (shell.directory / "a.tar").write_bytes(docker_archive([(config, [layer], ["arrived:1"])]))
    assert shell.text("load", "-i", "a.tar") == "Loaded image: arrived:1\n"
    (shell.directory / "root.tar").write_bytes(layer)
    assert shell.text("import", "root.tar", "rooted:1").startswith("sha256:")


def test_archives_come_and_go_through_pipes(shell):
    shell("build", "-q", "-t", "b:1", "ctx")
    for words in (["save", "b:1"], ["save", "-o", "-", "--format", "oci-archive", "b:1"]):
        archive = shell(*words)
        for path in ([], ["-"], ["-i", "-"]):
            assert shell.text("load", *path, stdin=archive) == "Loaded image: b:1\n"
    tree = shell("export", "b:1")
    with tarfile.open(fileobj=io.BytesIO(tree)) as tar:
        assert tar.extractfile("f").read() == b"hi\n"
    shell("import", "-", "piped:2", stdin=tree)
    assert shell.text("run", "piped:2", "cat", "/f") == "hi\n"
    shell("load", code=1)
    assert "this is no archive of images" in shell.err


def test_a_password_that_does_not_come_is_told(shell):
    shell("login", "-u", "me", "--password-stdin", "127.0.0.1:1", code=1)
    assert "standard input is empty, for --password-stdin" in shell.err


def test_an_archive_is_no_text_for_a_terminal(shell):
    for words, says in ((["save", "b:1"], "not written to a terminal"), (["load"], "not read from a terminal")):
        master, slave = os.openpty()
        done = subprocess.run(
            [SCRIPT, *words], stdin=slave, stdout=slave, stderr=subprocess.PIPE, env=shell.env, check=False
        )
        os.close(slave)
        os.close(master)
        assert done.returncode == 1
        assert says in done.stderr.decode()


def test_an_interrupt_ends_the_container_with_130(shell):
    words = [SCRIPT, "run", "--name", "slow", "b:1", "sh", "-c", "echo on; sleep 60"]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=shell.env, cwd=shell.directory
    )
    assert process.stdout.readline() == b"on\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert shell.text("ps", "--json") == "[]\n"
    shell("rm", "slow")


def test_a_reader_that_goes_away_is_no_traceback(shell):
    command = f"'{SCRIPT}' run b:1 sh -c 'while :; do echo y; done' | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, env=shell.env, timeout=60, check=False)
    assert done.stdout == b"y\n"
    assert b"Traceback" not in done.stderr


def test_the_script_starts_at_once_without_a_notebook(shell):
    code = "import sys; from dockmagic.cli.main import run; run(['images']); print([m for m in ('IPython', 'traitlets') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=shell.env, timeout=60, check=True)
    assert done.stdout.decode().splitlines()[-1] == "[]"


def test_the_package_is_the_command_too(shell):
    done = subprocess.run(
        [sys.executable, "-m", "dockmagic", "images", "-q"], capture_output=True, env=shell.env, timeout=60, check=True
    )
    assert done.stdout.decode() == shell.text("images", "-q")


def test_a_detached_container_goes_on_when_the_command_has_ended(shell):
    loop = "trap 'echo told; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    told = shell.text("run", "-d", "--name", "pond", "b:1", "sh", "-c", loop)
    assert len(told) == 65
    assert "running (detached)" in shell.text("ps")
    found = json.loads(shell.text("inspect", "pond"))[0]
    assert (found["id"], found["detached"]) == (told.strip(), True)
    assert shell("exec", "pond", "cat", "/f") == b"hi\n"
    with subprocess.Popen([SCRIPT, "logs", "-f", "pond"], env=shell.env, stdout=subprocess.PIPE) as follower:
        assert follower.stdout.readline() == b"ready\n"
        with subprocess.Popen([SCRIPT, "wait", "pond"], env=shell.env, stdout=subprocess.PIPE) as waiter:
            assert shell.text("stop", "pond") == "pond\n"
            assert waiter.communicate(timeout=60)[0] == b"5\n"
        assert follower.communicate(timeout=60)[0] == b"told\n"
    assert shell.text("rm", "pond") == "pond\n"


def test_a_detached_command_that_is_not_there_is_told(shell):
    assert shell.text("run", "-d", "--rm", "b:1", "no-such-program", code=127) == ""
    assert 'dockmagic: "no-such-program" is not in the image (exit code 127)' in shell.err
    assert "pond" not in shell.text("ps", "-a")
