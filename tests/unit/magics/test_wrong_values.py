"""Every option of every verb, with a value that it cannot have."""

from __future__ import annotations

import pytest

from dockmagic.errors import UsageError
from dockmagic.magics import grammar
from dockmagic.magics.verbs import CELL_VERBS, LINE_VERBS

VERBS = (*CELL_VERBS, *LINE_VERBS)
# At least one of them is wrong for whatever has a form; any text is right for the rest.
WRONG = ("", "=", ":", "/", "1.2.3.4.5:x:y:z", "-7q", "a b", ",,", "type=nothing")
FREE = {
    "--author",
    "--file",
    "--format",
    "--display-name",
    "--driver",
    "--entrypoint",
    "--message",
    "--signal",
    "--target",
    "--user",
    "--workdir",
    "--hostname",
}


def options():
    return {(verb.name, verb.body, option.names[-1]): (verb, option) for verb in VERBS for option in verb.available}


def refusal(verb, *words, operands=None):
    """What is said, "" for nothing."""
    rest = ["x"] * (verb.least if operands is None else operands)
    try:
        grammar.command_of(verb, [*words, *rest], fill=str)
    except UsageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("key", options(), ids=lambda key: " ".join(filter(None, key)))
def test_a_wrong_value_is_told_with_the_options_name(key):
    verb, option = options()[key]
    name = option.names[-1]
    if not option.value:
        assert option.title in refusal(verb, f"{name}=maybe")
        return
    assert f"{option.title} needs a value" in refusal(verb, name, operands=0)
    told = [refusal(verb, f"{name}={value}") for value in WRONG]
    refused = [text for text in told if text]
    assert all(option.title in text for text in refused), refused
    if option.read is not str:
        assert refused, name


def test_options_that_take_any_text_are_few_and_known():
    free = {key[-1] for key, (_, option) in options().items() if option.value and option.read is str}
    assert free <= FREE, free - FREE
