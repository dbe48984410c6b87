"""``bypass``: a token by which somebody gets through while a window is open."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ._cluster import Cluster
from ._editing import edit
from ._failures import Failure
from ._kinds import by_hand
from ._options import EditedName
from ._output import tell
from ._seen import Seen

_BYTES = 32
_MOST = 64
_Url = Annotated[str | None, typer.Option(help="Of the application, for a whole link.")]
_For = Annotated[str | None, typer.Option("--for", help="Whose it is, as qa-team.")]


async def bypass(cluster: Cluster, name: EditedName, url: _Url = None, for_: _For = None) -> None:
    """Mint a token that gets through, and print the link.

    The window has its hash alone.
    """
    token = secrets.token_urlsafe(_BYTES)
    owner = for_ or f"bypass-{secrets.token_hex(3)}"
    entry = {"name": owner, "sha256": hashlib.sha256(token.encode()).hexdigest()}

    def change(seen: Seen) -> Mapping[str, Any]:
        tokens = (seen.item["spec"].get("allow") or {}).get("tokens") or []
        if any(each["name"] == owner for each in tokens):
            raise Failure(f'"{owner}" has a token already', "name somebody else: --for NAME")
        if len(tokens) >= _MOST:
            raise Failure(
                f"there are {_MOST} tokens already",
                f"remove one: {by_hand(name, cluster.namespace)}",
            )
        return {"allow": {"tokens": [*tokens, entry]}}

    seen, _ = await edit(cluster, name, change, "allow.tokens")
    tell(f"{owner} gets through {name} with it; it is shown only now.")
    if seen.current is not None:
        tell("note: who is refused has changed: Enforced and Drained are proven anew")
    tell("or the same as a header: X-Maintenance-Bypass: TOKEN")
    print(f"{(url or '').rstrip('/')}{'/' if url else ''}?maintenance-bypass={token}")
