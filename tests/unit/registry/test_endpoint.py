from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.errors import UsageError
from dockmagic.registry import endpoint

DIGEST = f"sha256:{'a' * 64}"


def test_docker_hub_answers_elsewhere_than_its_images_are_named():
    found = endpoint.of("docker.io")
    assert found.manifest("library/alpine", "3") == "https://registry-1.docker.io/v2/library/alpine/manifests/3"
    assert "auth.docker.io" in found.token_hosts


def test_plain_http_only_on_this_machine_or_where_it_is_said():
    assert endpoint.of("registry.example").origin.scheme == "https"
    assert endpoint.of("localhost:5000").origin.scheme == "http"
    assert endpoint.of("[::1]:5000").origin.scheme == "http"
    assert endpoint.of("registry.example", http=True).origin.scheme == "http"
    assert endpoint.of("localhost:5000", http=False).origin.scheme == "https"
    assert endpoint.of("http://mirror.example").origin.scheme == "http"
    assert endpoint.of("10.0.0.1:5000").origin.scheme == "https"


def test_a_mount_names_digest_and_source():
    assert (
        endpoint.of("r.example")
        .uploads("a/b", mount=DIGEST, source="c/d")
        .endswith(f"/v2/a/b/blobs/uploads/?mount=sha256%3A{'a' * 64}&from=c%2Fd")
    )


def test_a_digest_is_added_to_what_an_uploads_url_says_already():
    assert (
        endpoint.with_digest("https://r.example/u?state=x%3D", DIGEST)
        == f"https://r.example/u?state=x%3D&digest=sha256%3A{'a' * 64}"
    )
    assert endpoint.with_digest("https://r.example/u", DIGEST).endswith(f"/u?digest=sha256%3A{'a' * 64}")


@pytest.mark.parametrize("name", ["", "-x", "a b", "user@host", "host/path", "ftp://host", "host:port", "https://"])
def test_what_is_no_domain_is_refused(name):
    with pytest.raises(UsageError):
        endpoint.of(name)


@given(st.text())
def test_any_text_is_a_registry_or_refused(text):
    try:
        found = endpoint.of(text)
    except UsageError:
        return
    assert found.ping.startswith(("http://", "https://"))
