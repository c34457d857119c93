from __future__ import annotations

import dataclasses

import pytest

from dockmagic.oci.changeset import Entry


def test_an_entry_is_a_value():
    assert Entry(path="a", type="file") == Entry(path="a", type="file", xattrs={})
    with pytest.raises(dataclasses.FrozenInstanceError):
        Entry(path="a", type="file").path = "b"


def test_entries_do_not_share_their_attributes():
    assert Entry(path="a", type="dir").xattrs is not Entry(path="b", type="dir").xattrs
