"""Instructions in an image's history, and back."""

from __future__ import annotations

import pytest

from dockmagic.builder import history
from dockmagic.oci.config import History


def test_an_instruction_of_ours_is_shown_as_it_was_written():
    row = history.row(
        "RUN apt-get update && \\", "RUN /bin/sh -c apt-get update && x", epoch=315532800, empty_layer=False
    )
    assert row.created == "1980-01-01T00:00:00Z"
    assert history.instruction_of(row) == "RUN apt-get update && \\"


@pytest.mark.parametrize(
    ("created_by", "shown"),
    [
        ("RUN /bin/sh -c echo hi # buildkit", "RUN echo hi"),
        ("RUN |1 WHO=me /bin/sh -c echo $WHO # buildkit", "RUN echo $WHO"),
        ("RUN |2 A=x y B=2 /bin/sh -c echo # buildkit", "RUN echo"),
        ("RUN |1 SECRET=x echo hi # buildkit", "RUN …"),
        ("COPY a /b # buildkit", "COPY a /b"),
        ('CMD ["bash"]', 'CMD ["bash"]'),
        ('/bin/sh -c #(nop)  CMD ["sh"]', 'CMD ["sh"]'),
        ("/bin/sh -c #(nop) ADD file:abc in / ", "ADD file:abc in /"),
        ("/bin/sh -c apk add x", "RUN apk add x"),
        ("|1 A=1 /bin/sh -c make", "RUN make"),
        ("", ""),
    ],
)
def test_dockers_own_words_are_taken_apart_without_the_values_of_arguments(created_by, shown):
    assert history.instruction_of(History(created_by=created_by)) == shown
