"""SOURCE_DATE_EPOCH: a number, or the name of what has a date."""

from __future__ import annotations

import pytest

from dockmagic.builder.epoch import Dated
from dockmagic.builder.plan import draft
from dockmagic.builder.remotes import Git, Url
from dockmagic.errors import DockerfileError
from tests.unit.builder.planning import EPOCH, planned, request

STAGE = "FROM scratch AS src\nARG V=1\nADD {} /\nFROM scratch\nCOPY <<EOF /f\nEOF\n"


def epoch(text="FROM scratch\n", given=None, **options):
    args = {} if given is None else {"SOURCE_DATE_EPOCH": given}
    return draft(request(text, build_args=args, **options)).request.epoch


def dated(source, value="src"):
    return draft(request(STAGE.format(source), build_args={"SOURCE_DATE_EPOCH": value})).dated


def test_the_build_argument_goes_before_a_default_in_the_file_and_both_before_the_sessions():
    text = "ARG SOURCE_DATE_EPOCH=1445412480\nFROM scratch\n"
    assert epoch() == epoch(given="") == EPOCH
    assert epoch(text) == 1445412480
    assert epoch(text, "5") == 5
    assert epoch("ARG N=7\nARG SOURCE_DATE_EPOCH=$N\nFROM scratch\n") == 7
    assert epoch("FROM scratch\nARG SOURCE_DATE_EPOCH=9\n") == EPOCH


def test_a_context_without_a_date_asks_for_none_and_no_stage_sees_its_name():
    text = "FROM b\nARG SOURCE_DATE_EPOCH\nRUN x\n"
    for value, contexts in (("context", {}), ("src", {"src": "/x"}), ("src", {"src": "docker-image://alpine"})):
        made = planned(text, build_args={"SOURCE_DATE_EPOCH": value}, contexts=contexts)
        assert made.stages[0].rows[-1].action.env["SOURCE_DATE_EPOCH"] == str(EPOCH)


def test_a_stage_of_one_remote_add_or_a_remote_context_tells_the_date():
    assert dated("http://host/a-$V.tar") == Dated(remote=Url(url="http://host/a-1.tar", name="a-1.tar"))
    assert dated("--checksum=sha256:$V http://host/a", "SRC").checksum == "sha256:1"
    found = dated("https://host/a.git#v$V")
    assert isinstance(found.remote, Git)
    assert found.remote.ref == "v1"
    read = draft(
        request("ARG SOURCE_DATE_EPOCH=mine\nFROM scratch\n", contexts={"mine": "https://host/b.git"}),
    )
    assert read.dated == Dated(remote=read.dated.remote)
    assert (read.at(7).request.epoch, read.at(7).arguments.declared) == (7, {"SOURCE_DATE_EPOCH": "7"})
    assert (read.at(None).request.epoch, read.at(None).arguments.declared) == (EPOCH, {})


@pytest.mark.parametrize(
    ("text", "value", "says"),
    [
        ("FROM scratch\n", "yesterday", "^invalid SOURCE_DATE_EPOCH: yesterday"),
        ("FROM scratch\n", "-1", "invalid SOURCE_DATE_EPOCH: -1"),
        ("FROM scratch\n", "9" * 18, "invalid SOURCE_DATE_EPOCH: 9"),
        (
            "FROM b AS src\nADD http://host/a /\nFROM b\n",
            "src",
            "line 1: SOURCE_DATE_EPOCH stage must use FROM scratch",
        ),
        ("FROM scratch AS src\nFROM b\n", "src", "line 1: SOURCE_DATE_EPOCH stage must contain exactly one remote ADD"),
        (STAGE.format("http://a/b /x\nADD http://a/c"), "src", "must contain exactly one remote ADD"),
        (STAGE.format("http://a/b http://a/c"), "src", "must contain exactly one remote ADD source"),
        (STAGE.format("file"), "src", "stage source must be a single HTTP"),
        (STAGE.format("http://a/b /\nCOPY a"), "src", "source-only requirements: unsupported COPY instruction"),
    ],
)
def test_what_is_no_date_and_names_none_is_told(text, value, says):
    with pytest.raises(DockerfileError, match=says):
        epoch(text, value)
