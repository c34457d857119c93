from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.template import TemplateError, render

VALUE = {
    "Name": "fish1",
    "State": {"Status": "running", "ExitCode": 0},
    "Config": {"Env": ["A=1", "B=2"], "Labels": {"k": "v"}, "Cmd": None},
    "Mounts": [{"Destination": "/a"}, {"Destination": "/b"}],
    "Networks": {"x": {"Address": "10.0.0.1"}},
    "Label": {"course": "one"}.__getitem__,
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("no action", "no action"),
        ("{{.Name}} is {{ .State.Status }}", "fish1 is running"),
        ("{{json .Config.Env}}", '["A=1","B=2"]'),
        ("{{.Config}}", "map[Cmd:<nil> Env:[A=1 B=2] Labels:map[k:v]]"),
        ("{{range .Mounts}}{{.Destination}} {{end}}", "/a /b "),
        ("{{range .Networks}}{{.Address}}{{end}}", "10.0.0.1"),
        ("{{range .Config.Cmd}}x{{else}}none{{end}}", "none"),
        ("{{range .Config.Env}}{{println .}}{{end}}", "A=1\nB=2\n"),
        ('{{index .Config.Labels "k"}}{{index .Config.Labels "absent"}}', "v"),
        ("{{(index .Mounts 1).Destination}}", "/b"),
        ('{{join .Config.Env ", "}}', "A=1, B=2"),
        ("{{.Name | upper | json}}", '"FISH1"'),
        ('{{if eq .State.Status "running" "paused"}}on{{else}}off{{end}}', "on"),
        ("{{if .State.ExitCode}}bad{{else if .Config.Cmd}}cmd{{else}}good{{end}}", "good"),
        ("{{if and .Name (not .Config.Cmd)}}yes{{end}}", "yes"),
        ("{{or .Config.Cmd .Name}}", "fish1"),
        ("{{with .State}}{{.Status}} of {{$.Name}}{{end}}", "running of fish1"),
        ("a {{- .Name -}} b", "afish1b"),
        ("a {{/* nothing */}}b", "a b"),
        ("{{len .Mounts}} {{slice .Name 0 4}} {{slice .Name 4}}", "2 fish 1"),
        ("{{split .Name `s`}} {{true}} {{nil}}", "[fi h1] true <nil>"),
        ('{{print .Name "-" 3}}', "fish1-3"),
        ('{{.Label "course"}} {{"course" | .Label}}', "one one"),
        ("{{slice (json .) 0 9}}", '{"Name":"'),
    ],
)
def test_what_go_makes_of_it(template, text):
    assert render(template, VALUE) == text


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{.Nothing}}", "there is no .Nothing; there is .Name, .State"),
        ("{{.Name.Length}}", "there is no .Length"),
        ("{{.Name", "a {{ is not closed"),
        ("{{}}", "an action is empty"),
        ("{{fish .}}", "there is no function fish"),
        ("{{if .Name}}", "an {{end}} is missing"),
        ("{{end}}", "{{end}} stands alone"),
        ("{{else}}", "{{else}} stands alone"),
        ("{{if .Name}}{{else fish}}{{end}}", "cannot be read"),
        ("{{index .Mounts 5}}", "index cannot be had"),
        ("{{json}}", "json cannot be had of nothing"),
        ("{{.Name .Name}}", "is no function"),
        ("{{.Name | }}", "nothing stands behind a |"),
        ("{{(.Name}}", "a ( is not closed"),
        ("{{.Name)}}", "a ) stands alone"),
        ("{{range .Name}}{{end}}", "range cannot go over fish1"),
        ("{{%}}", "cannot be read"),
        ('{{.Label "absent"}}', ".Label cannot be had of absent"),
    ],
)
def test_what_is_wrong_is_told(template, reason):
    with pytest.raises(TemplateError, match=None) as error:
        render(template, VALUE)
    assert reason in str(error.value)


@given(st.text(alphabet='{}.-|() "`aIeNnd$/*\\\n', max_size=40))
def test_any_text_is_a_template_or_told_not_to_be(text):
    with suppress(TemplateError):
        assert isinstance(render(text, VALUE), str)
