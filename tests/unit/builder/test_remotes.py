"""Which sources of ADD are URLs, repositories or paths."""

from __future__ import annotations

import pytest

from dockmagic.builder.remotes import Git, Url, read
from dockmagic.errors import UsageError


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("http://host/foo", "foo"),
        ("https://host:80/a/b%20c.tar?x=1#y", "b c.tar"),
        ("http://host/", "__unnamed__"),
        ("http://host", "__unnamed__"),
        ("http://host/a/", "a"),
        ("https://host/a.git/info", "info"),
    ],
)
def test_a_url_names_its_file(source, name):
    assert read(source) == Url(url=source, name=name)


@pytest.mark.parametrize(
    "source", ["file", "./a", "github.com/a/b", "ftp://host/x", "file:///etc/passwd", "a.git", "/x:y"]
)
def test_everything_else_is_a_path(source):
    assert read(source) is None


@pytest.mark.parametrize(
    ("source", "ref", "subdir"),
    [
        ("https://host/a.git", "", ""),
        ("https://host/a.git#v1", "v1", ""),
        ("https://host/a.git#v1:sub/../dir", "v1", "dir"),
        ("https://host/a.git#:dir", "", "dir"),
        ("https://host/a.git#:../../x", "", "x"),
        ("git://host/a", "", ""),
        ("https://host/a.git?tag=v1&subdir=d", "refs/tags/v1", "d"),
        ("https://host/a.git?branch=b", "refs/heads/b", ""),
        ("https://host/a.git?ref=abc", "abc", ""),
    ],
)
def test_a_repository_and_what_is_meant_of_it(source, ref, subdir):
    found = read(source)
    assert isinstance(found, Git)
    assert (found.ref, found.subdir, found.keep_git_dir, found.submodules) == (ref, subdir, False, True)
    assert "#" not in found.remote
    assert "?" not in found.remote


def test_switches_of_a_query_and_of_the_flag_agree():
    found = read("https://host/a.git?keep-git-dir=1&submodules=false&checksum=abc")
    assert isinstance(found, Git)
    assert (found.keep_git_dir, found.submodules, found.checksum) == (True, False, "abc")
    with pytest.raises(UsageError, match="inconsistent"):
        read("https://host/a.git?keep-git-dir=1", keep_git_dir=False)


@pytest.mark.parametrize(
    ("source", "ref", "subdir"),
    [
        ("https://host/a.git?tag=refs/tags/v1", "refs/tags/v1", ""),
        ("https://host/a.git?branch=b&ref=refs/heads/b#:d", "refs/heads/b", "d"),
        ("https://host/a.git?ref=v1&subdir=d#v1:d", "v1", "d"),
        ("https://host/a.git?checksum=abc1234", "abc1234", ""),
        ("https://host/a.git?commit=abc1234&tag=v1", "refs/tags/v1", ""),
    ],
)
def test_fragment_and_query_may_say_the_same(source, ref, subdir):
    found = read(source)
    assert (found.ref, found.subdir) == (ref, subdir)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("what=1", 'unexpected query "what"'),
        ("ref=", 'query "ref" has no value'),
        ("ref=a&ref=a", 'query "ref" has multiple values'),
        ("ref=a#b", 'ref conflicts: "b" vs "a"'),
        ("tag=a#a", 'ref conflicts: "a" vs "refs/tags/a"'),
        ("tag=a&branch=a", "branch conflicts with tag"),
        ("subdir=a#:b", 'subdir conflicts: "b" vs "a"'),
        ("keep-git-dir=maybe", 'invalid keep-git-dir value: "maybe"'),
        ("submodules=2", 'invalid submodules value: "2"'),
    ],
)
def test_a_query_that_cannot_be_is_told_in_buildkits_words(query, says):
    with pytest.raises(UsageError) as caught:
        read(f"https://host/a.git?{query}")
    assert caught.value.message == says


@pytest.mark.parametrize(
    "source",
    [
        "ssh://git@host/",
        "https://host/a.git#--upload-pack=x",
        "https://host/a.git#a b",
        "https://host/a.git#+refs/heads/a",
        "https://host/a.git?what=1",
        "https://host/a.git?tag=a&branch=b",
        "https://host/a.git?tag=a#b",
        "https://host/a.git?submodules=maybe",
        "git://host/",
        "http://host/..",
    ],
)
def test_what_cannot_be_fetched_is_refused(source):
    with pytest.raises(UsageError):
        read(source)


@pytest.mark.parametrize(
    ("source", "remote", "ref"),
    [
        ("git@host:a/b.git#main:dir", "git@host:a/b.git", "main"),
        ("git@host:a/b?ref=v1", "git@host:a/b", "v1"),
        ("ssh://git@host:2222/a.git#v1", "ssh://git@host:2222/a.git", "v1"),
    ],
)
def test_a_repository_behind_ssh_keeps_its_form(source, remote, ref):
    found = read(source)
    assert (found.remote, found.ref, found.over_ssh) == (remote, ref, True)
    assert not read("https://host/a.git").over_ssh
