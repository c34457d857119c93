"""Texts that would do harm if anything read them as markup, a link, a template or a terminal's commands.

Of our own, every one that can run something sets ``window.harmed``. Of the published ones most open a dialog.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

_PUBLISHED = Path(__file__).parents[2] / "labextension" / "node_modules" / "big-list-of-naughty-strings" / "blns.json"

_SCRIPT = "window.harmed=1"
_TAGS = (
    "<script>{}</script>",
    "<SCRIPT>{}</SCRIPT >",
    "<scr<script>ipt>{}</scr</script>ipt>",
    "<script\t>{}</script>",
    "<script/x>{}</script>",
    "<script src=data:text/javascript,{}></script>",
    "<svg><script>{}</script></svg>",
    "<svg onload={}>",
    "<svg/onload={}>",
    "<svg><animate onbegin={} attributeName=x dur=1s>",
    "<svg><set onbegin={} attributeName=x>",
    "<svg><a xlink:href=javascript:{}><text>x</text></a></svg>",
    "<img src=x onerror={}>",
    "<img src=x onerror='{}'>",
    '<img src=x onerror="{}">',
    "<img/src=x/onerror={}>",
    "<img src=`x`onerror={}>",
    "<image src=x onerror={}>",
    "<img src=x:x onerror\x0c={}>",
    "<video><source onerror={}></video>",
    "<video src=x onerror={}>",
    "<audio src=x onerror={}>",
    "<body onload={}>",
    "<input autofocus onfocus={}>",
    "<select autofocus onfocus={}>",
    "<textarea autofocus onfocus={}>",
    "<keygen autofocus onfocus={}>",
    "<details open ontoggle={}>",
    "<marquee onstart={}>",
    "<iframe src=javascript:{}></iframe>",
    "<iframe srcdoc='<script>parent.{}</script>'></iframe>",
    "<iframe onload={}></iframe>",
    "<object data=javascript:{}></object>",
    "<embed src=javascript:{}>",
    "<a href=javascript:{}>x</a>",
    "<a href='java\nscript:{}'>x</a>",
    "<a href='&#106;avascript:{}'>x</a>",
    "<a href='\x01javascript:{}'>x</a>",
    "<form action=javascript:{}><button>x</button></form>",
    "<button formaction=javascript:{}>x</button>",
    "<isindex action=javascript:{} type=image>",
    "<math href=javascript:{}>x</math>",
    "<base href=javascript:{}//>",
    "<link rel=stylesheet href=javascript:{}>",
    "<meta http-equiv=refresh content='0;url=javascript:{}'>",
    "<style>@import 'javascript:{}';</style>",
    "<style>*{{background:url(javascript:{})}}</style>",
    "<div style=width:expression({})>",
    "<div onmouseover={}>x</div>",
    "<x onclick={} tabindex=1 autofocus onfocus={}>",
    "<template><script>{}</script></template>",
    "<noscript><p title='</noscript><img src=x onerror={}>'>",
    "<!--><script>{}</script>-->",
    "<![CDATA[<script>{}</script>]]>",
    "<?xml version='1.0'?><script>{}</script>",
    "<table background=javascript:{}>",
    "<dialog open onfocusin={}><input autofocus></dialog>",
    "<portal src=javascript:{}>",
)
_BREAKS = ("", '">', "'>", "</td></tr></table>", "</title>", "</textarea>", "--></style>", "</bdi></span>", '"/>')
_OTHERS = (
    "javascript:window.harmed=1",
    "JaVaScRiPt:window.harmed=1",
    "[x](javascript:window.harmed=1)",
    "![x](x)<img src=x onerror=window.harmed=1>",
    "data:text/html,<script>parent.window.harmed=1</script>",
    "vbscript:window.harmed=1",
    "{{window.harmed=1}}",
    "${window.harmed=1}",
    "#{window.harmed=1}",
    "<%= window.harmed=1 %>",
    "{% window.harmed=1 %}",
    "'-(window.harmed=1)-'",
    '"-(window.harmed=1)-"',
    "\\'-(window.harmed=1)//",
    "`-(window.harmed=1)`",
    "&lt;script&gt;window.harmed=1&lt;/script&gt;",
    "&#60;script&#62;window.harmed=1&#60;/script&#62;",
    "%3Cscript%3Ewindow.harmed=1%3C/script%3E",
    "\\u003cscript\\u003ewindow.harmed=1\\u003c/script\\u003e",
    "\x3cscript\x3ewindow.harmed=1\x3c/script\x3e",
    "\uff1cscript\uff1ewindow.harmed=1\uff1c/script\uff1e",
    "+ADw-script+AD4-window.harmed=1+ADw-/script+AD4-",
    "$$\\href{javascript:window.harmed=1}{x}$$",
    "$\\unicode{<img src=x onerror=window.harmed=1>}$",
    "__proto__",
    "constructor",
    "toString",
    "\x1b[2J\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b]8;;http://example.invalid\x1b\\link\x1b]8;;\x1b\\",
    "\rover",
    "a\nb",
    "a\tb",
    "\u202etxt.exe",
    "\u2066x\u2069",
    "\u200bzero\u200dwidth\ufeff",
    "\u2028line\u2029",
    "\x00nul",
    "\x9b31m",
    "e\u0301\u0301\u0301\u0301\u0301\u0301",
    "한글" * 40,
    "x" * 400,
    "ﷺ" * 20,
    "\U000e0041tag",
    "👩\u200d👩\u200d👧",
    "../../../../etc/passwd",
    "file:///etc/passwd",
    "http://example.invalid/x.png",
    "//example.invalid/x.js",
    "-rf",
    "*",
    "~",
    "|ls",
    ";ls",
    "$(ls)",
    "CON",
    "undefined",
    "null",
    "NaN",
    "[object Object]",
)


def hostile_texts() -> list[str]:
    """Some hundred of them."""
    tags = [tag.format(*[_SCRIPT] * tag.count("{}")) for tag in _TAGS]
    return [*_OTHERS, *(f"{outside}{tag}" for outside in _BREAKS for tag in tags)]


def published_texts() -> list[str]:
    """The Big List of Naughty Strings: 460, of which half are scripts in one disguise or another."""
    if not _PUBLISHED.is_file():
        pytest.skip("the Big List of Naughty Strings is not installed: run jlpm install in labextension")
    found: list[str] = json.loads(_PUBLISHED.read_text("utf-8"))
    assert sum("alert(" in text for text in found) > 200
    return [text for text in found if text]
