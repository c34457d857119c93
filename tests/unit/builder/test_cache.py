"""When a step is the same step, and what is said when it is not."""

from __future__ import annotations

import dataclasses

import pytest

from dockmagic.builder import cache
from dockmagic.builder.cache import Place
from tests.unit.builder.planning import EPOCH, last
from tests.unit.store.making import add_image, open_store

PLACE = Place(build=("bread:1",), base="b", stage="stage-0", number=1, code="RUN x", first=False)
BELOW = ("sha256:" + "1" * 64,)


def run_key(text="FROM b\nARG A=1\nRUN x\n", *, below=BELOW, place=PLACE, **options):
    return cache.run_key(last(text, **options).action, (), below, place, epoch=EPOCH)


def copy_key(text="FROM b\nCOPY a /a\n", *, content="sha256:1", below=BELOW, place=PLACE):
    return cache.copy_key(last(text).action, content, "", below, place, epoch=EPOCH)


@pytest.fixture
def kept(tmp_path):
    """A cache with one step in it."""
    store = open_store(tmp_path / "home")
    image = store.images.get(add_image(store, {"a": b"a"}))

    def keep(key):
        store.cache.put(key.digest, image.diff_ids[0], key.components, lineage=key.lineage, position=key.position)
        return store.cache

    return keep


def test_a_key_does_not_depend_on_where_the_step_stands():
    assert run_key().digest == run_key(place=dataclasses.replace(PLACE, number=7, build=())).digest


def test_a_key_does_not_depend_on_undeclared_proxies():
    assert run_key().digest == run_key(build_args={"https_proxy": "x"}).digest


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (lambda: run_key(below=("sha256:" + "2" * 64,)), "a step above changed"),
        (
            lambda: run_key(below=("sha256:" + "2" * 64,), place=dataclasses.replace(PLACE, first=True)),
            "the base image changed",
        ),
        (lambda: run_key(build_args={"A": "2"}), "build argument changed: A"),
        (lambda: run_key("FROM b\nARG A=1\nENV B=1\nRUN x\n"), "ENV changed: B"),
        (lambda: run_key("FROM b\nARG A=1\nUSER bob\nRUN x\n"), "USER changed"),
        (lambda: run_key("FROM b\nARG A=1\nWORKDIR /w\nRUN x\n"), "WORKDIR changed"),
        (lambda: run_key('FROM b\nARG A=1\nSHELL ["/bin/bash", "-c"]\nRUN x\n'), "SHELL changed"),
        (lambda: run_key(network="none"), "--network changed"),
    ],
)
def test_a_miss_names_what_changed(kept, now, words):
    found = kept(run_key())
    assert now().digest != run_key().digest
    assert cache.miss(now(), found) == words


def test_a_miss_of_a_copy_names_its_sources(kept):
    assert cache.miss(copy_key(content="sha256:2"), kept(copy_key())) == "content changed: a"


def test_another_instruction_at_the_same_place_is_told_apart_from_a_new_one(kept):
    found = kept(run_key())
    other = run_key("FROM b\nRUN y\n", place=dataclasses.replace(PLACE, code="RUN y"))
    assert cache.miss(other, found) == "the instruction changed"
    elsewhere = run_key("FROM b\nRUN y\n", place=dataclasses.replace(PLACE, code="RUN y", number=9))
    assert cache.miss(elsewhere, found) == "not built before"
