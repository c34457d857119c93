"""What counts as white space in a Dockerfile.

Python's own idea (``str.isspace``) also holds the separators U+001C to U+001F, which Docker takes as letters.
"""

from __future__ import annotations

import re

# Unicode's White_Space property.
SPACES = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"

SPACE_CLASS = f"[{SPACES}]"
NON_SPACE_CLASS = f"[^{SPACES}]"

SPACE_RUN = re.compile(f"{SPACE_CLASS}+")
# What stands between an instruction's words: no line end, no space of other scripts.
BLANK_RUN = re.compile(r"[\t\v\f\r ]+")
