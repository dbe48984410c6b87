"""Manifests as YAML of many styles, with what YAML alone can do."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import yaml


def written(dice: random.Random, manifest: dict[str, Any]) -> str:
    """The manifest as YAML of some style, at times with what YAML alone can do."""
    flow = dice.choice([True, False, None])
    text: str = yaml.safe_dump(manifest, default_flow_style=flow, allow_unicode=True)
    return dice.choice(REWRITINGS)(dice, text)


def reworded(manifest: dict[str, Any]) -> Iterator[str]:
    """The manifest as YAML, with each of its values in turn as each of the words."""
    lines = yaml.safe_dump(manifest, default_flow_style=False).splitlines()
    for at, line in enumerate(lines):
        name, colon, _ = line.rpartition(": ")
        begin = name + colon if colon else line[: len(line) - len(line.lstrip("- "))]
        for word in WORDS:
            yield "\n".join([*lines[:at], f"{begin}{word}", *lines[at + 1 :]])


def plain(dice: random.Random, text: str) -> str:
    """As it is."""
    return text


def unquoted(dice: random.Random, text: str) -> str:
    """What was in quotes may be read as something else."""
    return text.replace("'", "").replace('"', "")


def reread(dice: random.Random, text: str) -> str:
    """A word in place of another."""
    lines = text.splitlines()
    at = dice.randrange(len(lines))
    name, colon, _ = lines[at].rpartition(": ")
    lines[at] = f"{name}{colon}{dice.choice(WORDS)}"
    return "\n".join(lines)


def doubled(dice: random.Random, text: str) -> str:
    """A line twice."""
    lines = text.splitlines(keepends=True)
    at = dice.randrange(len(lines))
    return "".join([*lines[:at], lines[at], *lines[at:]])


def marked(dice: random.Random, text: str) -> str:
    """Anchors, aliases and merges."""
    ending = dice.choice(
        ["<<: {suspend: true}", "<<: *no", "x: &x [*x]", "<<: [{mode: Full}]", "? [a]\n: b"]
    )
    return text.replace("spec:", f"{ending}\nspec: &spec", dice.randint(0, 1)) + ending


def nested(dice: random.Random, text: str) -> str:
    """Deep brackets."""
    deep = dice.choice([5, 99, 2000])
    return text + "deep: " + "[" * deep + "]" * deep + "\n"


WORDS = (
    "yes", "off", "~", "0o17", "0x1F7", "1_000", "5e2", "503.0", "2:30", "2026-06-01", ".inf",
    "!!str 5", "!!int 503", "!foo x", "&a b", "*a", "|", "{}", "[]", "- a", "'", '"\\ud800"', "@",
    "2026-06-01T22:00:00Z", "2026-06-01 22:00:00", "0503", "1e400", "'on'", "# gone", "%", "\t",
)  # fmt: skip
REWRITINGS = (plain, plain, plain, unquoted, reread, reread, reread, doubled, marked, nested)
