from __future__ import annotations

import pytest

from dockmagic.engine.naming import checked, default_name, hostname
from dockmagic.errors import UsageError


@pytest.mark.parametrize("name", ["", "a", "-a", "a b", "ä1", "a/b", "x" * 129])
def test_names_that_docker_refuses_are_refused(name):
    with pytest.raises(UsageError):
        checked(name)


def test_a_default_name_depends_on_the_content_only():
    first = default_name("localhost/base", ["echo hi"], set())
    assert first == default_name("localhost/base", ["echo hi"], set())
    assert first != default_name("localhost/base", ["echo ho"], set())
    assert checked(first).startswith("base-")


def test_a_living_container_of_the_name_gives_the_next_number():
    first = default_name("bread:1", ["x"], set())
    assert default_name("bread:1", ["x"], {first}) == f"{first}-2"
    assert default_name("bread:1", ["x"], {first, f"{first}-2"}) == f"{first}-3"


def test_a_host_name_has_only_letters_digits_and_hyphens():
    assert hostname("a_b.c") == "a-b-c"
