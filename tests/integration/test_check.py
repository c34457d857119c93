"""The linter on real builds: warnings in the result and its record, and builds that stop before anything runs."""

from __future__ import annotations

import pytest

from dockmagic.engine.engine import Engine
from dockmagic.errors import DockerfileError
from dockmagic.record.bundle import bundle


@pytest.fixture
def engine(tmp_path):
    made = Engine(tmp_path / "home")
    yield made
    made.close()


def test_a_build_tells_the_linters_warnings_and_its_record_shows_them(engine, tmp_path):
    (tmp_path / ".dockerignore").write_text("other\n")
    (tmp_path / "dough").write_text("wheat\n")
    build = engine.build("FROM localhost/base AS Oven\nCOPY dough /\nCMD cat /dough\n", context=tmp_path)
    assert build.image is not None
    assert [warning.split(": ")[:2] for warning in build.warnings] == [
        ["line 1", "StageNameCasing"],
        ["line 3", "JSONArgsRecommended"],
    ]
    data, _ = bundle(build)
    assert "line 1: StageNameCasing" in data["text/plain"]
    assert max(map(len, data["text/plain"].splitlines())) <= 80


def test_warnings_as_errors_stop_a_build_before_anything_runs(engine):
    with pytest.raises(DockerfileError, match="line 3: lint violation found for rules: JSONArgsRecommended") as caught:
        engine.build("# check=error=true\nFROM localhost/base\nCMD cat\nRUN touch /ran\n", tags="never:1")
    build = caught.value.result
    assert build.image is None
    assert [row.line for row in build.rows if row.failed] == [3]
    assert not any(row.done for row in build.rows)
    assert all("never:1" not in image.tags for image in engine.images())


def test_a_check_knows_the_variables_of_images_in_the_store(engine):
    engine.build("FROM scratch\nENV VERSION=3\n", tags="mine:1")
    assert list(engine.check("FROM mine:1\nWORKDIR /$VERSION\n")) == []
    assert [each.rule for each in engine.check("FROM mine:1\nWORKDIR /$OTHER\n")] == ["UndefinedVar"]
    assert list(engine.check("FROM nowhere:1\nWORKDIR /$OTHER\n")) == []
