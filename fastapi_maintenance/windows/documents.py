"""YAML as Kubernetes reads it: a time, ``2:30`` or ``on`` stays the string that was written."""

from __future__ import annotations

import functools
import re
from typing import Any

from .extras import load
from .model import InvalidWindow

# PyYAML would also resolve times, sexagesimal numbers and words such as yes and off.
_RESOLVED = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"-?(0|[1-9][0-9]*)", list("-0123456789")),
)


def load_documents(text: str) -> list[Any]:
    """The objects of a YAML stream.

    Raises:
        InvalidWindow: the text is not YAML, or there is nothing in it.
    """
    yaml = load("yaml", "manifests")
    try:
        loaded = [document for document in yaml.load_all(text, _loader()) if document is not None]
    except Exception as cause:  # a tag such as !!bool fails on a foreign word in its own way
        mend = "write on, off, read-only, or a MaintenanceWindow manifest"
        raise InvalidWindow("file", f"is not YAML: {cause}", mend) from cause
    if not loaded:
        raise InvalidWindow("file", "is empty", "write on, off, read-only or a manifest")
    return loaded


@functools.cache
def _loader() -> type:
    loader = type(
        "ManifestLoader", (load("yaml", "manifests").SafeLoader,), {"yaml_implicit_resolvers": {}}
    )
    for tag, pattern, first in _RESOLVED:
        expression = re.compile(f"^(?:{pattern})$")
        loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", expression, first)  # type: ignore[attr-defined]
    return loader
