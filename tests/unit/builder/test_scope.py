"""Small rules of settings."""

from __future__ import annotations

import pytest

from dockmagic.builder import scope


@pytest.mark.parametrize("text", ["SIGTERM", "term", "9", "RTMIN+3", "SIGRTMAX-1", "SIGRTMIN", "64"])
def test_signals_have_names_and_numbers(text):
    assert scope.is_signal(text)


@pytest.mark.parametrize("text", ["", "0", "65", "SIG", "NOTHING", "RTMIN+x", "-9", "9" * 100, "SIG_DFL"])
def test_other_words_are_no_signals(text):
    assert not scope.is_signal(text)


@pytest.mark.parametrize(
    ("path", "absolute"), [("a", "/a"), ("/a/../..", "/"), ("//a//b/", "/a/b"), ("", "/"), (".", "/")]
)
def test_paths_of_the_image_are_normal(path, absolute):
    assert scope.absolute(path) == absolute
