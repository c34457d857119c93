from __future__ import annotations

import os

import pytest

from dockmagic.sandbox import wire


@pytest.mark.parametrize("size", [0, 1, 32750, 40000, 3_000_000])
def test_messages_of_any_size_arrive_with_their_descriptors(size):
    ours, theirs = wire.pair()
    read, write = os.pipe()
    wire.send(ours, {"text": "x" * size}, [write])
    os.close(write)
    message, (received,) = wire.receive(theirs)

    assert message == {"text": "x" * size}
    assert not os.get_inheritable(received)
    os.write(received, b"through")
    os.close(received)
    assert os.read(read, 10) == b"through"
    os.close(read)
    ours.close()
    assert wire.receive(theirs) is None
    theirs.close()


def test_a_memory_file_has_all_contents_in_order():
    descriptor = wire.memory_file(b"one", b"", b"two")

    assert wire.read_all(descriptor) == b"onetwo"
    os.close(descriptor)
