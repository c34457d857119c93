"""Every rule has a page whose examples show it, and every page is a rule's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dockmagic.dockerfile.lint import RULES, Base
from tests.unit.dockerfile.lint.linting import told

PAGES = Path(__file__).resolve().parents[4] / "docs" / "rules"
INDEX = (PAGES / "README.md").read_text()
EXAMPLE = re.compile(r"^## (Bad|Good)\n\n```dockerfile\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def base(name):
    """The store of the examples."""
    return Base(platform="linux/riscv64" if name == "elsewhere" else "")


def warnings(text):
    return {
        rule for rule, _ in told(text, base=base, ignored="notes.txt".__eq__, is_name=lambda n: not n.endswith(":"))
    }


def examples(rule):
    return EXAMPLE.findall((PAGES / f"{rule.page}.md").read_text())


def test_there_is_a_page_for_each_rule_and_no_other():
    assert {path.name for path in PAGES.iterdir()} == {"README.md", *(f"{rule.page}.md" for rule in RULES)}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_page_names_its_rule(rule):
    text = (PAGES / f"{rule.page}.md").read_text()
    assert text.startswith(f"# {rule.name}\n")
    assert rule.description in text
    assert rule.url in text
    assert f"[{rule.name}]({rule.page}.md)" in INDEX


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_bad_example_shows_the_rule_and_the_good_one_shows_none(rule):
    assert {kind for kind, _ in examples(rule)} == {"Bad", "Good"}
    for kind, text in examples(rule):
        assert warnings(text) == ({rule.name} if kind == "Bad" else set()), text


def test_the_examples_of_the_index_do_what_it_says():
    skipped, remark, failing = re.findall(r"```dockerfile\n(.*?)```", INDEX, re.DOTALL)
    assert warnings(skipped) == warnings(remark) == set()
    assert told(failing) == [("JSONArgsRecommended", 3)]
