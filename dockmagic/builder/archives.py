"""Archives that ADD extracts: their bytes, and a key of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from dockmagic.builder.selection import Content
from dockmagic.oci import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A tar, plain or compressed.

    Attributes:
        content: its bytes.
        digest: of them as they were when it was found.
    """

    content: Content
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        """Read it once."""
        object.__setattr__(self, "digest", digest.of_chunks(self.content.chunks()))
