from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading

import pytest

from dockmagic.errors import StoreCorruptError, StoreError
from dockmagic.store.database import _STEPS, Database


@pytest.fixture
def database(tmp_path):
    made = Database(tmp_path / "db.sqlite")
    made.create()
    return made


def lease(connection, digest):
    connection.execute("INSERT INTO leases VALUES ('test', ?, 'nobody', 0)", (digest,))


def leases(database):
    with database.reading() as connection:
        return [row["digest"] for row in connection.execute("SELECT digest FROM leases ORDER BY digest")]


def test_creating_twice_keeps_what_is_there(database):
    with database.writing() as connection:
        lease(connection, "a")
    database.create()
    assert leases(database) == ["a"]


def test_a_transaction_that_raises_is_undone(database):
    def half():
        with database.writing() as connection:
            lease(connection, "a")
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert leases(database) == []


def test_nobody_reads_half_a_transaction(database):
    with database.writing() as connection:
        lease(connection, "a")
        assert leases(database) == []
        lease(connection, "b")
    assert leases(database) == ["a", "b"]


def test_the_journal_has_room_for_a_deletion_on_a_full_disk_and_undoes_none_the_less(database):
    journal = database.path.with_name("db.sqlite-journal")
    for digest in ("a", "b"):
        with database.writing() as connection:
            lease(connection, digest)
    assert journal.stat().st_blocks * 512 >= 1 << 18

    def many():
        with database.writing() as connection:
            for number in range(5000):
                lease(connection, f"{number:064}")
            raise KeyError

    with pytest.raises(KeyError):
        many()
    assert leases(database) == ["a", "b"]


def test_the_file_is_for_the_user_alone(database):
    assert database.path.stat().st_mode & 0o777 == 0o600


def test_transactions_of_threads_and_forked_processes_all_happen(database):
    def add(number):
        for i in range(10):
            with database.writing() as connection:
                lease(connection, f"{number}-{i}")

    with database.reading():
        pass
    pids = []
    for number in range(3):
        pid = os.fork()
        if pid == 0:
            add(number)
            os._exit(0)
        pids.append(pid)
    threads = [threading.Thread(target=add, args=(number,)) for number in range(3, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0, 0]
    assert len(leases(database)) == 60


def test_a_newer_database_is_refused(database):
    with sqlite3.connect(database.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="newer dockmagic"):
        database.create()


def test_what_is_no_database_is_told(tmp_path):
    (tmp_path / "db.sqlite").write_bytes(b"<html>" * 200)
    with pytest.raises(StoreCorruptError, match="database is damaged") as caught:
        Database(tmp_path / "db.sqlite").create()
    assert str(tmp_path) not in str(caught.value)
    assert str(tmp_path) in caught.value.detail


def test_a_missing_database_is_not_made_by_reading(tmp_path):
    with pytest.raises(StoreError), Database(tmp_path / "db.sqlite").reading():
        pass
    assert not (tmp_path / "db.sqlite").exists()


@pytest.mark.parametrize("rows", [1, 5000], ids=["few", "more than memory has"])
def test_a_killed_writer_leaves_the_state_before(database, rows):
    script = """
import os, sys
from pathlib import Path
from dockmagic.store.database import _STEPS, Database
with Database(Path(sys.argv[1])).writing() as connection:
    connection.execute("PRAGMA cache_size = 10")
    connection.execute("PRAGMA cache_spill = 1")
    for number in range(int(sys.argv[2])):
        connection.execute("INSERT INTO leases VALUES ('test', ?, 'nobody', 0)", (f"b{number:063}",))
    os.kill(os.getpid(), 9)
"""
    for digest in ("a", "c"):
        with database.writing() as connection:
            lease(connection, digest)
    done = subprocess.run([sys.executable, "-c", script, database.path, str(rows)], check=False)
    assert done.returncode == -9
    assert leases(database) == ["a", "c"]


def test_a_path_with_odd_characters_works(tmp_path):
    directory = tmp_path / "ü #?%41 '\udc80"
    directory.mkdir()
    made = Database(directory / "db.sqlite")
    made.create()
    assert leases(made) == []


@pytest.fixture
def older(tmp_path, monkeypatch):
    """Tables as the first version had them, with a lease."""
    made = Database(tmp_path / "older.sqlite")
    with monkeypatch.context() as patch:
        patch.setattr("dockmagic.store.database._STEPS", _STEPS[:1])
        patch.setattr("dockmagic.store.database._VERSION", 1)
        made.create()
    with made.writing() as connection:
        lease(connection, "a")
    return made


def shape(database):
    """The version and everything that is in the schema."""
    with database.reading() as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name")
        return connection.execute("PRAGMA user_version").fetchone()[0], [tuple(row) for row in rows]


def test_older_tables_are_brought_up_to_date_with_what_they_hold(database, older):
    assert shape(older) != shape(database)
    older.create()
    assert shape(older) == shape(database)
    assert leases(older) == ["a"]


def test_several_processes_bring_older_tables_up_to_date_at_once(database, older):
    pids = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            try:
                older.create()
            finally:
                os._exit(0 if shape(older) == shape(database) else 1)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 4


def test_a_change_of_the_tables_that_fails_leaves_the_older_ones(older, monkeypatch):
    before = shape(older)
    monkeypatch.setattr("dockmagic.store.database._STEPS", ("", "CREATE TABLE x (a);\nCREATE TABLE x (a);\n"))
    with pytest.raises(StoreError):
        older.create()
    assert shape(older) == before


def test_who_only_reads_refuses_older_tables_and_changes_nothing(database, older):
    before = shape(older)
    with pytest.raises(StoreError, match="older dockmagic"):
        Database(older.path, read_only=True).require_current()
    assert shape(older) == before
    reader = Database(database.path, read_only=True)
    reader.require_current()
    with pytest.raises(StoreError), reader.writing() as connection:
        lease(connection, "b")
    assert leases(database) == []
