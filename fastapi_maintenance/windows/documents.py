"""The manifests of a YAML text, whatever they are wrapped in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .fields import Fields
from .model import API_VERSION, KIND, InvalidWindow

_LISTS = (("v1", "List"), (API_VERSION, f"{KIND}List"))


def load_documents(text: str) -> list[Any]:
    """The objects of a YAML stream; those of a List stand where the List stood; comments are none.

    Read as kubectl reads them, but for a name that is given twice, which is an error.

    Raises:
        InvalidWindow: the text is not YAML.
    """
    from .composing import compose  # here, since few applications have PyYAML
    from .yaml_slips import mend_of

    try:
        documents = [document for document in compose(text) if document is not None]
    except InvalidWindow:
        raise
    except Exception as cause:  # a lone surrogate, for one, is an error of its own kind
        problem = f"is not YAML: {_in_a_line(cause)}"
        raise InvalidWindow("file", problem, mend_of(cause, text)) from cause
    return [item for document in documents for item in _unfolded(document)]


def _unfolded(document: Any) -> Iterator[Any]:
    if not isinstance(document, dict) or _type(document) not in _LISTS:
        yield document
        return
    fields = Fields("list", document, ("apiVersion", "kind", "metadata", "items"))
    items = fields.raw("items")
    if not isinstance(items, list):
        raise fields.invalid("items", "is not a list", "write the manifests there")
    yield from items


def _type(document: dict[str, Any]) -> tuple[Any, Any]:
    return document.get("apiVersion"), document.get("kind")


def _in_a_line(cause: Exception) -> str:
    mark, problem = getattr(cause, "problem_mark", None), getattr(cause, "problem", None)
    if mark is not None and problem:
        return f"line {mark.line + 1}: {problem}"
    return " ".join(str(cause).split())[:200]
