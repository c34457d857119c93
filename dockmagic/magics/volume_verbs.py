"""The verbs of volumes."""

from __future__ import annotations

from dockmagic.magics import look_verbs, values
from dockmagic.magics import options as table
from dockmagic.magics.options import Option
from dockmagic.magics.verb import Verb

VERBS = (
    Verb(
        name="volume create",
        summary="make an empty volume, or find the one of that name",
        operands="[VOLUME]",
        options=(
            Option(names=("--label",), value="KEY=VALUE", read=values.pair, many=True, help="kept with it"),
            Option(names=("-d", "--driver"), value="NAME", default="local", help="accepted as with docker: local"),
            *table.later("-o|--opt= --availability= --group= --scope= --type="),
        ),
    ),
    Verb(
        name="volume ls",
        summary="every volume, with the containers that have it",
        options=look_verbs.VOLUMES,
    ),
    Verb(
        name="volume inspect",
        summary="what is known of volumes",
        operands="VOLUME...",
        options=(look_verbs.INSPECT_FORMAT,),
    ),
    Verb(
        name="volume rm",
        summary="remove volumes that no container has, with their files",
        operands="VOLUME...",
        options=(Option(names=("-f", "--force"), help="one that is not there is fine"),),
    ),
    Verb(
        name="volume prune",
        summary="remove volumes that no container has and nobody named",
        options=(
            Option(names=("-a", "--all"), help="also those that have a name"),
            Option(names=("-f", "--force"), help="accepted as with docker: nothing is asked here"),
            Option(names=("--filter",), value="KEY=VALUE", read=values.pair, many=True, help="only those: label="),
        ),
    ),
)
