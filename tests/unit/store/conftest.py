"""Rooms of a store without trees, and whole stores whose jobs run in this process."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from dockmagic.store.blobs import Blobs
from dockmagic.store.database import Database
from dockmagic.store.layout import Layout
from tests.unit.store.making import open_store


@dataclass
class Rooms:
    """A store's directory without its trees."""

    layout: Layout
    database: Database
    blobs: Blobs

    def add_layer(self, diff_id: str) -> None:
        """A row of a layer without content."""
        with self.database.writing() as connection:
            connection.execute("INSERT INTO layers VALUES (?, 1, 1, 1, ?, 0, NULL, NULL, NULL)", (diff_id, diff_id))

    def add_image(self, image_id: str) -> None:
        """A row of an image without content."""
        with self.database.writing() as connection:
            connection.execute("INSERT INTO images (id, manifest_digest) VALUES (?, ?)", (image_id, image_id))


@pytest.fixture
def rooms(tmp_path):
    layout = Layout(home=tmp_path, scheme="range-0")
    for directory in (layout.tmp, layout.blobs, layout.layers, layout.logs):
        directory.mkdir(parents=True)
    database = Database(layout.database)
    database.create()
    return Rooms(layout, database, Blobs(layout, database))


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def store(home):
    return open_store(home)
