from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.errors import RegistryError
from dockmagic.registry import links

PAGE = "https://registry.example/v2/a/tags/list?n=2"


def test_the_next_page_is_a_relative_or_absolute_link():
    assert links.following(PAGE, '</v2/a/tags/list?n=2&last=b>; rel="next"') == f"{PAGE}&last=b"
    assert links.following(PAGE, f"<{PAGE}&last=b>; rel=next") == f"{PAGE}&last=b"


def test_other_links_are_not_the_next_page():
    assert links.following(PAGE, '</first>; rel="first", </v2/a/tags/list?last=b>; rel="next"').endswith("last=b")
    assert links.following(PAGE, '</first>; rel="first"') == ""


def test_a_list_does_not_go_on_at_another_server():
    for url in ("http://169.254.169.254/", "https://other.example/", "http://registry.example/", "//other.example/"):
        with pytest.raises(RegistryError):
            links.following(PAGE, f'<{url}>; rel="next"')


@given(st.text())
def test_any_header_is_a_page_of_the_same_server_or_none_or_refused(header):
    try:
        found = links.following(PAGE, header)
    except RegistryError:
        return
    assert found == "" or found.startswith("https://registry.example/")
