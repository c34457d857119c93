from __future__ import annotations

import time

import pytest

from dockmagic.store import leases
from dockmagic.store.cache import Cache
from dockmagic.store.database import Database

# a process of another machine: nobody here sees whether it lives
FOREIGN = "7-7-00000000-00000000-7"
DAY = 86_400


@pytest.fixture
def database(tmp_path):
    made = Database(tmp_path / "db.sqlite")
    made.create()
    return made


def taken(database, *rows):
    """Put rows of (digest, holder, age in seconds), let this process take one of its own, and say what is left."""
    now = int(time.time())
    with database.writing() as connection:
        values = [("build", digest, holder, now - age) for digest, holder, age in rows]
        connection.executemany("INSERT INTO leases VALUES (?, ?, ?, ?)", values)
        leases.take(connection, "build", ["own"])
        return {row["digest"] for row in connection.execute("SELECT digest FROM leases")}, leases.held(connection)


def test_who_took_a_lease_lately_keeps_it_though_its_first_is_old(database):
    kept, held = taken(database, ("first", FOREIGN, 2 * DAY), ("last", FOREIGN, 60))
    assert kept == {"first", "last", "own"}
    assert held == {"last", "own"}


def test_who_took_none_for_a_day_loses_them(database):
    assert taken(database, ("a", FOREIGN, 2 * DAY), ("b", FOREIGN, 3 * DAY)) == ({"own"}, {"own"})


def test_a_name_that_is_no_process_loses_its_leases_after_a_day(database):
    assert taken(database, ("a", "nobody", 2 * DAY)) == ({"own"}, {"own"})


def held_in(database):
    with database.reading() as connection:
        return leases.held(connection)


def test_what_is_put_off_is_held_once_it_is_settled(database):
    with leases.Leases(database, lambda: None).hold("build") as hold:
        hold.later("a")
        hold.later("b")
        assert held_in(database) == set()
        hold.settle()
        assert held_in(database) == {"a", "b"}
        hold.settle()
    assert held_in(database) == set()


def test_a_step_is_remembered_and_held_at_once(rooms):
    rooms.add_layer("a")
    with leases.Leases(rooms.database, lambda: None).hold("build") as hold:
        Cache(rooms.database).put("key", "a", hold=hold)
        Cache(rooms.database).put("other", "", hold=hold)
        assert held_in(rooms.database) == {"a"}
