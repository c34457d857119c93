"""The options of a container's health check."""

from __future__ import annotations

from dockmagic.magics import limit_values, values
from dockmagic.magics.options import Option

RUN = (
    Option(
        names=("--health-cmd",),
        value="COMMAND",
        read=values.filled,
        default="",
        help="a line for the shell that checks the container; 0: healthy",
    ),
    Option(
        names=("--health-interval",),
        value="TIME",
        read=values.patience,
        default=0.0,
        help="between two checks (default 30s)",
    ),
    Option(
        names=("--health-timeout",),
        value="TIME",
        read=values.patience,
        default=0.0,
        help="that a check may take (default 30s)",
    ),
    Option(
        names=("--health-retries",),
        value="COUNT",
        read=limit_values.retries,
        default=0,
        help="failures in a row that make it unhealthy (default 3)",
    ),
    Option(
        names=("--health-start-period",),
        value="TIME",
        read=values.patience,
        default=0.0,
        help="at first, in which failures do not count (default 0s)",
    ),
    Option(
        names=("--health-start-interval",),
        value="TIME",
        read=values.patience,
        default=0.0,
        help="between two checks in that time (default 5s)",
    ),
    Option(names=("--no-healthcheck",), help="run no HEALTHCHECK of the image"),
)
