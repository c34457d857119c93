"""An engine that notes its calls, and the values that it answers with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

from dockmagic.results import Build, Container, Image, Row, Run
from dockmagic.table import Table

IMAGE = Image(
    id="sha256:" + "1" * 64,
    tags=("bread:1",),
    layers=(),
    config={"config": {"Cmd": ["cat"]}},
    digest="sha256:" + "2" * 64,
    entries=(),
)
BUILD = Build(image=IMAGE, steps=(), log="", exit_code=0, rows=(Row(instruction="FROM scratch", line=1, kind="from"),))
CONTAINER = Container(id="c" * 64, name="fish1", status="exited", image_id=IMAGE.id, image="bread:1", exit_code=0)
RUN = Run(exit_code=0, stopped="", container=CONTAINER, image=IMAGE)


def _said(**options):
    """The options that were given."""
    return {name: value for name, value in options.items() if value}


@dataclass
class RecordingEngine:
    """Notes every call; answers with the values set here, after sending the chunks set here."""

    calls: list = field(default_factory=list)
    run_value: Run = RUN
    build_value: Build = BUILD
    chunks: tuple = ()
    events: tuple = ()
    failure: BaseException | None = None

    def _note(self, verb, *words, **options):
        self.calls.append(SimpleNamespace(verb=verb, words=words, **options))
        if self.failure is not None:
            raise self.failure

    def build(self, text, *, on_event=None, **options):
        self.calls.append(SimpleNamespace(verb="build", text=text, **options))
        for event in self.events:
            if on_event is not None:
                on_event(event)
        if self.build_value.error is not None:
            self.build_value.error.result = self.build_value
            raise self.build_value.error
        return self.build_value

    def run(self, image, *, on_output, build=None, **options):
        return self._process("run", image, on_output, build=build, **options)

    def exec(self, container, *, on_output, **options):
        return self._process("exec", container, on_output, **options)

    def _process(self, verb, target, on_output, **options):
        for stream, data in self.chunks:
            on_output(stream, data)
        self._note(verb, target, **options)
        texts = {
            s: b"".join(data for stream, data in self.chunks if stream == s).decode("utf-8", "replace")
            for s in ("stdout", "stderr")
        }
        return replace(self.run_value, **texts, build=options.get("build"))

    def images(self, *, filters=()):
        return Table(columns=("NAME",), items=(IMAGE,), rows=(("bread:1",),))

    def ps(self, *, all=False, filters=(), last=0):  # noqa: A002 - docker's name
        self._note("ps", all=all)
        return Table(columns=("NAME",), items=(CONTAINER,), rows=(("fish1",),))

    def pull(self, name, *, platform="", all_platforms=False):
        self._note("pull", name, platform=platform, **_said(all_platforms=all_platforms))
        return IMAGE

    def push(self, name, *, all_platforms=False):
        self._note("push", name, **_said(all_platforms=all_platforms))
        return IMAGE.digest

    def login(self, server="", *, username, password):
        self._note("login", server, username=username, password=password)
        return server or "docker.io"

    def logout(self, server=""):
        self._note("logout", server)
        return server == "registry.example"

    def inspect(self, name, *, kind=""):
        self._note("inspect", name)
        return IMAGE

    def rm(self, *names, force=False, volumes=False):
        self._note("rm", *names, force=force, **({"volumes": True} if volumes else {}))
        return names

    def rmi(self, *names, force=False):
        self._note("rmi", *names, force=force)
        return (*names, IMAGE.id)

    def logs(self, name, *, since, until, tail, timestamps):
        self._note("logs", name, since=since, until=until, tail=tail, timestamps=timestamps)
        return "one\ntwo\n"

    def load(self, path, *, platform, all_platforms=False):
        self._note("load", path, platform=platform, **_said(all_platforms=all_platforms))
        return Table(columns=("LOADED IMAGE",), items=(IMAGE,), rows=(("bread:1",),))

    def text_diff(self, *names):
        self._note("text_diff", *names)
        return "C /a\n"

    def df(self):
        self._note("df")

    def prune(self, *, dry_run, base, volumes):
        self._note("prune", dry_run=dry_run, base=base, volumes=volumes)

    def share(self):
        self._note("share")

    def fsck(self, *, repair):
        self._note("fsck", repair=repair)

    def save(self, *names, output, format, all_platforms=False):  # noqa: A002 - podman's name
        self._note("save", *names, output=output, format=format, **_said(all_platforms=all_platforms))

    def export(self, place, output):
        self._note("export", place, output)

    def background(self, container):
        return f"handle of {container.name}"

    def stop(self, *names, timeout, signal):
        self._note("stop", *names, timeout=timeout, signal=signal)
        return names

    def start(self, *names):
        self._note("start", *names)
        return names

    def restart(self, *names, timeout, signal):
        self._note("restart", *names, timeout=timeout, signal=signal)
        return names

    def kill(self, *names, signal):
        self._note("kill", *names, signal=signal)
        return names

    def pause(self, *names):
        self._note("pause", *names)
        return names

    def unpause(self, *names):
        self._note("unpause", *names)
        return names

    def cp(self, source, destination):
        self._note("cp", source, destination)

    def wait(self, name):
        self._note("wait", name)
        return 3

    def follow(self, name, listener, *, since, until, tail, timestamps):
        self._note("follow", name, since=since, until=until, tail=tail, timestamps=timestamps)
        listener(b"live\xc3")
        listener(b"\xa9\n")

    def diff(self, *names):
        self._note("diff", *names)

    @property
    def last(self):
        return self.calls[-1]
