"""Whom a window refuses, in one word, and whose word on it counts.

A process says for which scope it refuses requests; while an edit leaves the scope as it is (a later
end, another message), what was said before still holds.
"""

from __future__ import annotations

import hashlib
import json

from .model import Window, applies_to

RECIPE = "1"
"""Scopes of different recipes can't be compared: there the generation decides. Change it with
whatever changes a scope: a field that is added here, and what an old field means."""

_DIGITS = 32


def scope_of(window: Window) -> str:
    """A fingerprint of all that decides who is refused while the window is open.

    Apps, mode, match and allow: not when it is open, what is answered, or what it is called. Equal
    for values that differ in their order alone.
    """
    deciding = {
        "apps": sorted(set(window.apps)),
        "mode": str(window.mode),
        "match": {
            "paths": sorted(set(window.match.paths)),
            "methods": sorted(set(window.match.methods)),
            "dependencies": sorted(set(window.match.dependencies)),
        },
        "allow": {
            "paths": sorted(set(window.allow.paths)),
            "networks": sorted({str(network) for network in window.allow.networks}),
            "tokens": sorted(set(window.allow.token_hashes)),
        },
    }
    text = json.dumps(deciding, sort_keys=True, separators=(",", ":"))
    return f"{RECIPE}:{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}"


def counts_for(window: Window, app: str | None) -> bool:
    """Whether a process must have its say before a window counts as enforced.

    One without an app name must for every window: nobody knows whether it was meant.
    """
    return app is None or applies_to(window, app)
