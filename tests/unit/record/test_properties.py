from __future__ import annotations

import json
import re
import unicodedata
from html.parser import HTMLParser

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

from dockmagic.record import document
from dockmagic.record.bundle import MIME, bundle
from dockmagic.results import Diff
from tests.unit.record import generated
from tests.unit.record.given import container

MANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
HIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)
# What JupyterLab's sanitiser and the record have in common; anything else would look different in an untrusted notebook.
ATTRIBUTES = {
    "div": {"style"},
    "b": {"style"},
    "bdi": set(),
    "span": {"style", "title"},
    "table": {"style"},
    "colgroup": set(),
    "col": {"style", "width"},
    "tbody": set(),
    "tr": {"style"},
    "td": {"style", "colspan"},
}
PROPERTIES = {
    "background",
    "background-color",
    "border",
    "border-bottom",
    "border-collapse",
    "border-radius",
    "border-spacing",
    "border-top",
    "box-sizing",
    "color",
    "display",
    "float",
    "font-family",
    "font-size",
    "height",
    "line-height",
    "margin",
    "margin-top",
    "max-width",
    "min-width",
    "opacity",
    "overflow",
    "padding",
    "padding-left",
    "padding-right",
    "padding-top",
    "table-layout",
    "text-align",
    "text-decoration",
    "text-overflow",
    "vertical-align",
    "white-space",
    "width",
}
# Values are checked by the sanitiser too: it knows neither of these.
REFUSED_VALUES = re.compile(r"url\(|var\(|gradient|inherit|expression|!important|[<>]")
VOID = {"col"}


class Checker(HTMLParser):
    """Fails on what the contract does not allow; collects the text and the titles that a reader sees."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag, attrs):
        assert tag in ATTRIBUTES
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert name in ATTRIBUTES[tag]
            if name == "style":
                self.check_style(value)
            elif name == "title":
                self.seen.append(value)

    def check_style(self, style):
        for declaration in style.split(";"):
            name, colon, value = declaration.partition(":")
            assert colon
            assert name in PROPERTIES
            assert value
            assert not REFUSED_VALUES.search(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.seen.append(data)

    def handle_comment(self, data):
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def seen(html: str) -> str:
    """What a reader sees of well-formed, allowed HTML."""
    checker = Checker()
    checker.feed(html)
    checker.close()
    assert not checker.open
    return " ".join(checker.seen)


def columns(line: str) -> int:
    """An upper bound that asks the standard library, not our own table."""
    return sum(map(character_columns, line))


def character_columns(character: str) -> int:
    if unicodedata.combining(character) or 0x1160 <= ord(character) <= 0x11FF or 0xD7B0 <= ord(character) <= 0xD7FF:
        return 0
    wide = unicodedata.east_asian_width(character) in "WF" and unicodedata.category(character) != "Cn"
    return 2 if wide else 1


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


@given(generated.RESULTS)
@MANY
def test_text_fits_eighty_columns_and_shows_everything(result):
    text = bundle(result)[0]["text/plain"]
    assert not HIDDEN.search(text.replace("\n", ""))
    for line in text.split("\n"):
        assert columns(line) <= 80
        assert line == line.rstrip()


@given(generated.RESULTS)
@MANY
def test_html_is_well_formed_and_allowed(result):
    html = bundle(result)[0]["text/html"]
    assert not HIDDEN.search(html)
    assert html.startswith('<div style="max-width:760px;')
    seen(html)


@given(generated.RESULTS)
@MANY
def test_json_follows_its_schema(result):
    data, metadata = bundle(result, key="k")
    jsonschema.validate(data[MIME], document.schema(), cls=jsonschema.Draft202012Validator)
    for told in (data[MIME], metadata):
        json.dumps(told, allow_nan=False, ensure_ascii=False).encode("utf-8")
        assert not any(HIDDEN.search(text) for text in strings(told))


@pytest.mark.parametrize("payload", generated.PAYLOADS)
def test_hostile_names_are_text(payload):
    ended = container(f"n{payload}", f"i{payload}", exit_code=0, changes={f"/{payload}": "A"})
    html = bundle(ended)[0]["text/html"]
    # The tags and their count are those of a harmless name.
    harmless = bundle(container("n", "i", exit_code=0, changes={"/": "A"}))[0]["text/html"]
    assert re.findall(r"</?\w+", html) == re.findall(r"</?\w+", harmless)
    seen(html)


def test_short_payloads_are_read_as_written():
    path = '/<b onclick="x">&amp;\''
    assert path in seen(bundle(Diff(changes={path: "A"}))[0]["text/html"])


def test_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(document.schema())
