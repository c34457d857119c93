from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockmagic.errors import UsageError
from dockmagic.oci.reference import Reference, parse, parse_given, parse_normalized, split_domain

DIGEST = "sha256:" + "0f" * 32

# The grammar of distribution's references, word for word; see the module under test.
components = st.from_regex(r"[a-z0-9]{1,5}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}", fullmatch=True)
paths = st.lists(components, min_size=1, max_size=3).map("/".join)
labels = st.from_regex(r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,4}[a-zA-Z0-9])?", fullmatch=True)
hosts = st.lists(labels, min_size=1, max_size=3).map(".".join) | st.just("[2001:db8::1]")
domains = st.builds(lambda host, port: f"{host}:{port}" if port else host, hosts, st.integers(0, 65535))
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,10}", fullmatch=True)
digests = st.binary(min_size=32, max_size=32).map(lambda b: f"sha256:{b.hex()}")


@given(domains, paths, st.just("") | tags, st.just("") | digests)
def test_what_the_grammar_makes_is_parsed_into_its_parts(domain, path, tag, digest):
    text = f"{domain}/{path}" + f":{tag}" * bool(tag) + f"@{digest}" * bool(digest)
    found = parse(text)
    assert str(found) == text
    assert (found.name, found.tag, found.digest) == (f"{domain}/{path}", tag, digest)


@given(st.text(alphabet="aZ09.:/@_-[] \n\0é", max_size=20) | st.text(max_size=20))
def test_any_text_is_a_reference_or_a_usage_error(text):
    for verb in (parse, parse_normalized):
        try:
            found = verb(text)
        except UsageError:
            continue
        assert verb(str(found)) == found
        assert ".." not in found.path.split("/")
        assert not found.path.startswith("/")


@given(paths, st.just("") | tags)
def test_a_short_name_and_its_whole_name_are_one(path, tag):
    text = path + f":{tag}" * bool(tag)
    try:
        found = parse_normalized(text)
    except UsageError:
        return  # 64 hexadecimal digits
    assert parse_normalized(found.full) == parse_normalized(text if tag else f"{text}:latest")
    assert parse_normalized(found.familiar).full == found.full


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("bread", "docker.io/library/bread:latest", "bread:latest"),
        ("bread:1", "docker.io/library/bread:1", "bread:1"),
        ("team/bread", "docker.io/team/bread:latest", "team/bread:latest"),
        ("localhost/base", "localhost/base:latest", "localhost/base:latest"),
        ("localhost:5000/base", "localhost:5000/base:latest", "localhost:5000/base:latest"),
        ("Registry/base", "Registry/base:latest", "Registry/base:latest"),
        ("a.example/b/c:2", "a.example/b/c:2", "a.example/b/c:2"),
        ("docker.io/bread", "docker.io/library/bread:latest", "bread:latest"),
        ("index.docker.io/bread", "docker.io/library/bread:latest", "bread:latest"),
        ("library/bread", "docker.io/library/bread:latest", "bread:latest"),
        (f"bread@{DIGEST}", f"docker.io/library/bread@{DIGEST}", f"bread@{DIGEST}"),
        (f"bread:1@{DIGEST}", f"docker.io/library/bread:1@{DIGEST}", f"bread:1@{DIGEST}"),
    ],
)
def test_a_name_is_read_as_docker_reads_it(text, full, familiar):
    found = parse_normalized(text)
    assert (found.full, found.familiar) == (full, familiar)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":1",
        "bread:",
        "bread@",
        "/bread",
        "bread/",
        "a//b",
        "a..b",
        "-bread",
        "bread:-1",
        "bread:" + "x" * 129,
        "bread 1",
        "bread\n",
        "../bread",
        "a/../b",
        "bread@sha256:" + "a" * 63,
        "bread@sha256:" + "A" * 64,
        "bread@md5:" + "a" * 32,
        "a" * 256,
        "a" * 64,
    ],
)
def test_what_is_no_reference_is_told_with_an_example(text):
    with pytest.raises(UsageError, match=r"invalid (reference|digest)") as caught:
        parse_normalized(text)
    assert caught.value.hint


@pytest.mark.parametrize("verb", [parse, parse_normalized])
@pytest.mark.parametrize("text", ["Bread", "team/Bread:1", "localhost/Base"])
def test_upper_case_is_explained(verb, text):
    with pytest.raises(UsageError, match="in lower case"):
        verb(text)


def test_a_long_path_is_refused_without_its_text():
    with pytest.raises(UsageError, match="more than 255 characters"):
        parse("a/" * 200 + "a")


def test_a_strict_reference_gets_no_defaults():
    assert parse("bread") == Reference(domain="", path="bread")
    assert str(parse("bread")) == "bread"
    assert parse("bread").full == "bread:latest"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/b", ("docker.io", "a/b")),
        ("a", ("docker.io", "library/a")),
        ("a.b/c", ("a.b", "c")),
        ("a:1/c", ("a:1", "c")),
        ("index.docker.io/x/y", ("docker.io", "x/y")),
    ],
)
def test_the_first_component_may_be_a_domain(text, expected):
    assert split_domain(text) == expected


@pytest.mark.parametrize("more", [{"tag": "a b"}, {"tag": "-a"}, {"digest": "foo"}, {"digest": "sha256:" + "x" * 64}])
def test_a_reference_has_no_impossible_part(more):
    with pytest.raises(UsageError, match="invalid"):
        Reference(domain="docker.io", path="library/busybox", **more)


def test_a_name_that_is_given_has_no_digest():
    assert parse_given("bread").full == "docker.io/library/bread:latest"
    with pytest.raises(UsageError, match=r"a name with a digest is not given[\s\S]*leave the digest out, e.g. bread:1"):
        parse_given("bread:1@sha256:" + "0" * 64)
