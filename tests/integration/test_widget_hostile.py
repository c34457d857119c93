"""Names and contents made to become markup, by the hundred, through the real view model into a real page without Jupyter."""

from __future__ import annotations

from itertools import product

import pytest

pytest.importorskip("playwright.sync_api")
from dockmagic.engine.engine import Engine
from dockmagic.lab.registry import Registry, Subject
from dockmagic.lab.source import EngineSource
from dockmagic.record.escape import visible
from dockmagic.testing import RecordingRuntime, add_image, open_store
from dockmagic.widgets.explorer import Explorer
from tests.integration.hostile_texts import published_texts
from tests.integration.widget_page import CHROMIUM, drawn

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

ACT = "window.hacked=1"
ELEMENTS = (
    f"<script>{ACT}</script>",
    f"<img src=x onerror={ACT}>",
    f"<svg onload={ACT}>",
    f"<svg><script>{ACT}</script></svg>",
    f"<svg><animate onbegin={ACT} attributeName=x dur=1s>",
    f"<body onload={ACT}>",
    f"<iframe src=javascript:{ACT}>",
    f'<iframe srcdoc="<script>parent.{ACT}</script>">',
    f"<input autofocus onfocus={ACT}>",
    f"<details open ontoggle={ACT}>x",
    f"<video><source onerror={ACT}></video>",
    f"<audio src=x onerror={ACT}>",
    f"<object data=javascript:{ACT}>",
    f"<embed src=javascript:{ACT}>",
    f"<math><mtext></form><form><mglyph><style></math><img src onerror={ACT}>",
    f"<marquee onstart={ACT}>",
    f"<a href=javascript:{ACT} autofocus>x</a>",
    f"<style>@import 'javascript:{ACT}'</style>",
    f'<link rel=stylesheet href="javascript:{ACT}">',
    '<meta http-equiv=refresh content="0;url=http://example.invalid">',
    f"<template><img src=x onerror={ACT}></template>",
    f"<x onclick={ACT} contenteditable autofocus onfocus={ACT}>",
)
WRAPPERS = (
    "{}",
    '"{}',
    '">{}',
    "'>{}",
    "</title>{}",
    "</textarea>{}",
    "</script>{}",
    "--><!-- -->{}",
    "]]>{}",
    "`{}`",
    "\x00{}",
    "\u202e{}\u202c",
    "\x1b]8;;javascript:1\x07{}",
    "&lt;x&gt;{}",
)
OTHERS = (
    "javascript:window.hacked=1",
    "${window.hacked=1}",
    "{{constructor.constructor('window.hacked=1')()}}",
    "data:text/html,<script>window.hacked=1</script>",
    "__proto__",
    "constructor",
    "toString",
    "\\u003cscript\\u003ewindow.hacked=1",
    "%3Cscript%3Ewindow.hacked=1",
)
STRINGS = tuple(wrapper.replace("{}", element) for wrapper, element in product(WRAPPERS, ELEMENTS)) + OTHERS

VISIT = """async () => {
  const texts = {names: [], contents: []};
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const until = async wanted => { for (;;) { const found = wanted(); if (found) return found; await frame(); } };
  const tree = await until(() => document.querySelector('[role=tree]'));
  const all = Number((await until(() => tree.querySelector('[role=treeitem]'))).getAttribute('aria-setsize'));
  for (let at = 1; at <= all; at += 1) {
    tree.scrollTop = (at - 1) * 24;
    const row = await until(() => [...tree.querySelectorAll('[role=treeitem]')].find(each => each.getAttribute('aria-posinset') === String(at) && each.querySelector('bdi')));
    const name = row.querySelector('bdi').textContent;
    row.click();
    const box = await until(() => { const found = document.querySelector('.dm-box'); return found && found.querySelector('code').textContent === `/${name}` && found; });
    texts.names.push(name);
    texts.contents.push(box.querySelector('.dm-lines bdi').textContent);
  }
  texts.elements = [...new Set([...document.body.querySelectorAll('*')].map(each => each.localName))].sort();
  texts.handlers = [...document.body.querySelectorAll('*')].flatMap(each => [...each.attributes].map(one => one.name).filter(one => one.startsWith('on')));
  texts.hacked = window.hacked === undefined ? '' : 'hacked';
  return texts;
}"""
OWN_ELEMENTS = {
    *(
        "b",
        "bdi",
        "br",
        "button",
        "code",
        "dd",
        "div",
        "dl",
        "dt",
        "h3",
        "h4",
        "input",
        "li",
        "p",
        "path",
        "span",
        "svg",
        "ul",
    ),
}


def own_texts():
    return STRINGS


@pytest.mark.parametrize("texts", [own_texts, published_texts])
def test_hundreds_of_hostile_names_and_contents_stay_text(tmp_path, texts):
    # A name is at most 255 bytes and has no slash; the content is the text as it is.
    texts = [text for text in texts() if text.strip("./ \t\u3000") and visible(text).strip()]
    names = {
        text.replace("/", "_").replace("\0", "\x01").encode()[:200].decode(errors="ignore"): text for text in texts
    }
    assert len(names) > 300
    add_image(open_store(tmp_path), {name: content.encode() for name, content in names.items()}, name="hostile:1")
    engine = Engine(tmp_path, runtime=RecordingRuntime(tmp_path))
    source = EngineSource(engine, Subject(key="", result=engine.inspect("hostile:1")), Registry())
    explorer = Explorer(source)
    with drawn(source.summary().to_json(), explorer.answer) as (page, asked):
        told = page.evaluate(VISIT)

    assert sorted(told["names"]) == sorted(visible(name) for name in names)
    shown = dict(zip(told["names"], told["contents"], strict=True))
    for name, content in names.items():
        # What holds a NUL is no text and is shown as a hex dump.
        assert (
            shown[visible(name)].startswith("00000000  00 ")
            if "\0" in content
            else shown[visible(name)] == visible(content)
        )
    assert set(told["elements"]) <= OWN_ELEMENTS
    assert (told["handlers"], told["hacked"], asked) == ([], "", [])
