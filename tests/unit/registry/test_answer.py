from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dockmagic.registry import answer


def test_the_errors_of_the_specification_are_read():
    body = b'{"errors": [{"code": "DENIED", "message": "no", "detail": {"a": 1}}]}'
    assert answer.message(403, body) == 'DENIED: no; {"a": 1}'
    assert answer.codes(body) == ("DENIED",)


def test_a_web_page_is_quoted_in_one_short_line():
    said = answer.message(404, b"<html>\n" + b"x" * 10_000)
    assert said.startswith("unexpected status code 404 Not Found: <html> xxx")
    assert len(said) < 600


def test_what_may_be_a_secret_in_a_url_is_not_shown():
    url = "https://me:pw@store.example/b?X-Amz-Signature=abc&digest=sha256:1&sig=def#part"
    assert answer.redacted(url) == "https://store.example/b?X-Amz-Signature=REDACTED&digest=sha256%3A1&sig=REDACTED"


@given(st.binary(), st.integers(100, 599))
def test_any_body_is_told_in_one_line_without_control_characters(body, status):
    said = answer.message(status, body, method="GET", url="https://a.example/")
    assert said.isprintable()
