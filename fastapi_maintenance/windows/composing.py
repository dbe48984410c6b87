"""From YAML to values, with nothing that could surprise: strict, bounded, and read as kubectl does.

Made from the parser's events, since PyYAML's own way to values takes the last of two equal names,
knows other words and numbers, and in its fast form overflows the stack where text nests deeply.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .extras import load
from .model import InvalidWindow
from .scalars import resolve, tagged

yaml = load("yaml", "manifests")

_MOST_NESTED = 100
_MOST_MERGED = 100_000
_TAGS = "tag:yaml.org,2002:"
_SCALAR_TAGS = frozenset({"int", "float", "bool", "null"})
_UNFINISHED = object()


def compose(text: str) -> Iterator[Any]:
    """The values of a stream's documents; what is written twice by an alias is one object.

    Raises:
        InvalidWindow: naming the line.
        yaml.YAMLError: the text is not YAML.
    """
    # libyaml's parser where there is one: ten times as fast.
    events = yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    composer = _Composer(events)
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            yield composer.document()


class _Composer:
    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, Any] = {}
        self._merged = 0

    def document(self) -> Any:
        self._anchors.clear()
        return self._value(next(self._events), 0)

    def _value(self, event: Any, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._marked(event)
        if depth > _MOST_NESTED:
            raise _wrong(event, f"nested deeper than {_MOST_NESTED}", "write it flatter")
        if event.anchor:
            self._anchors[event.anchor] = _UNFINISHED
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event)
        else:
            _check_tag(event)
            mapping = isinstance(event, yaml.MappingStartEvent)
            value = self._mapping(depth) if mapping else self._sequence(depth)
        if event.anchor:
            self._anchors[event.anchor] = value
        return value

    def _marked(self, alias: Any) -> Any:
        value = self._anchors.get(alias.anchor, self._anchors)
        if value is self._anchors:
            mend = f"mark it above, or write {f'*{alias.anchor[:60]}'!r} in quotes"
            raise _wrong(alias, f"nothing is marked &{alias.anchor}", mend)
        if value is _UNFINISHED:
            raise _wrong(alias, f"&{alias.anchor} contains itself", "write it out")
        return value

    def _sequence(self, depth: int) -> list[Any]:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        written: set[str] = set()
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            merge = _is_merge(event)
            name = "<<" if merge else self._name(event)
            if name in written:
                raise _wrong(event, f"{name[:60]!r} is given twice", "keep the one that you mean")
            value = self._value(next(self._events), depth + 1)
            if merge:
                self._merge(event, value, found, written)
            else:
                found[name] = value
            written.add(name)
        return found

    def _name(self, event: Any) -> str:
        """The name of a field; JSON has strings alone, as kubectl sends them."""
        if isinstance(event, yaml.AliasEvent):
            value = self._marked(event)
        else:
            value = _scalar(event) if isinstance(event, yaml.ScalarEvent) else None
        if isinstance(value, bool):
            return "true" if value else "false"
        if value is None or isinstance(value, dict | list):
            raise _wrong(event, "a field's name is no word", "write field: value")
        return str(value)

    def _merge(self, event: Any, value: Any, found: dict[str, Any], written: set[str]) -> None:
        """Take the fields of other mappings; what is written below counts in their place."""
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise _wrong(event, "<< stands for what is no mapping", "write <<: *mark")
        self._merged += sum(map(len, sources))
        if self._merged > _MOST_MERGED:
            raise _wrong(event, "<< stands for too many fields", "write less of them")
        for source in reversed(sources):  # the first of several counts
            if clash := sorted(written.intersection(source)):
                # kubectl takes the merged one here, and YAML's own rule the other.
                problem = f"{clash[0][:60]!r} is given above << and by it"
                raise _wrong(event, problem, "write << above what it should not change")
            found.update(source)


def _is_merge(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.value == "<<" and _is_plain(event)


def _is_plain(scalar: Any) -> bool:
    """Whether it stands without quotes and without a tag."""
    return bool(scalar.implicit[0]) and not scalar.style


def _scalar(event: Any) -> Any:
    _check_tag(event)
    try:
        if event.tag and event.tag.removeprefix(_TAGS) in _SCALAR_TAGS:
            return tagged(event.tag.removeprefix(_TAGS), event.value)
        return resolve(event.value) if _is_plain(event) else event.value
    except ValueError as cause:
        raise _wrong(event, str(cause), "write it in quotes, or another value") from cause


def _check_tag(event: Any) -> None:
    kind = "str" if isinstance(event, yaml.ScalarEvent) else event.__class__.__name__[:3].lower()
    known = {None, "!", f"{_TAGS}{kind}"}
    if event.tag in known or (kind == "str" and event.tag.removeprefix(_TAGS) in _SCALAR_TAGS):
        return
    raise _wrong(event, f"the tag {event.tag[:60]!r} is not known here", "leave it out")


def _wrong(event: Any, problem: str, mend: str) -> InvalidWindow:
    return InvalidWindow("file", f"line {event.start_mark.line + 1}: {problem}", mend)
