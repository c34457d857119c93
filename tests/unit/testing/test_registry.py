"""The registry of the tests keeps uploads apart."""

from __future__ import annotations

import hashlib
from urllib.request import Request, urlopen

from dockmagic.testing import FakeRegistry


def asked(registry, method, path, body=b""):
    with urlopen(Request(f"http://{registry.address}{path}", data=body, method=method)) as answer:
        return answer.headers.get("Location", "")


def test_an_upload_that_ends_does_not_give_its_name_to_one_of_two_that_go_on():
    contents = [b"first", b"second", b"third"]
    with FakeRegistry() as registry:
        first, second = (asked(registry, "POST", "/v2/bread/blobs/uploads/") for _ in range(2))
        asked(registry, "PUT", f"{first}&digest=sha256:{hashlib.sha256(contents[0]).hexdigest()}", contents[0])
        begun = {second: contents[1], asked(registry, "POST", "/v2/bread/blobs/uploads/"): contents[2]}
        for place, content in begun.items():
            asked(registry, "PUT", f"{place}&digest=sha256:{hashlib.sha256(content).hexdigest()}", content)
        assert sorted(registry.blobs["bread"].values()) == sorted(contents)
