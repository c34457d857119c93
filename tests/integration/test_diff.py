"""What differs between containers and images, by path and by line."""

from __future__ import annotations

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.errors import NotFoundError

BREAD = "FROM localhost/base\nCOPY <<EOF /filling\nred bean\nsugar\nEOF\nRUN mkdir /d && echo x > /d/gone\n"
SCRIPT = "echo salt >> /filling; rm -r /d; ln -s filling /link; mkdir /empty; chmod 600 /etc/passwd\n"
LINES = """\
C /filling
--- /filling
+++ /filling
@@ -1,2 +1,3 @@
 red bean
 sugar
+salt
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("engine") / "home")
    made.build(BREAD, tags=("bread:1",))
    made.run("bread:1", name="fish1", script=SCRIPT)
    made.run("bread:1", name="fish2", script=SCRIPT + "echo pepper >> /filling\n")
    yield made
    made.close()


def test_a_container_and_its_image(engine):
    own = engine.diff("fish1").changes
    assert own == {"/d": "D", "/empty": "A", "/filling": "C", "/link": "A", "/etc/passwd": "C"}
    text = engine.text_diff("fish1")
    assert LINES in text
    assert "A /link\n--- /dev/null\n+++ /link\n@@ -0,0 +1 @@\n+-> filling\n" in text
    assert [line for line in text.splitlines() if line[1:3] == " /"] == [f"{kind} {path}" for path, kind in own.items()]


def test_a_container_and_any_image_in_both_directions(engine):
    there = engine.diff("bread:1", "fish1").changes
    assert there == {**engine.diff("fish1").changes, "/d/gone": "D"}
    back = engine.diff("fish1", "bread:1").changes
    assert back == {path: {"A": "D", "D": "A", "C": "C"}[kind] for path, kind in there.items()}
    assert LINES in engine.text_diff("bread:1", "fish1")
    assert "-salt\n" in engine.text_diff("fish1", "bread:1")


def test_two_runs(engine):
    first, second = engine.inspect("fish1"), engine.inspect("fish2")
    assert engine.diff(first, second).changes == {"/filling": "C"}
    assert engine.text_diff(first, second).endswith(" sugar\n salt\n+pepper\n")
    assert engine.text_diff(first, first) == ""


def test_two_images(engine):
    image = engine.commit("fish2", "bread:2")
    assert engine.diff("bread:1", "bread:2").changes == engine.diff("bread:1", "fish2").changes
    assert "+pepper\n" in engine.text_diff("bread:1", image)


def test_an_image_alone_is_compared_with_nothing(engine):
    for verb in (engine.diff, engine.text_diff):
        for place in ("bread:1", engine.inspect("bread:1"), "nobody"):
            with pytest.raises(NotFoundError):
                verb(place)
