"""Commands that are told act where this one did: on the same cluster, as the same user."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar

CLUSTER = "cmw/"
"""Before the name of a window of the cluster, as kubectl has it."""

_READING = ("status", "processes", "explain", "timeline", "calendar")

_NAMES = ("name", "what", "output")
"""What of a command is another's where it is told of another window."""

_NOTHING: tuple[str, tuple[str, ...]] = "", ()
_command: ContextVar[tuple[str, tuple[str, ...]]] = ContextVar("command", default=_NOTHING)
_given: ContextVar[tuple[str, ...]] = ContextVar("given", default=())


@contextlib.contextmanager
def noting(verb: str, given: Mapping[str, object], words: Sequence[str]) -> Iterator[None]:
    """While a command runs: what was asked for, and of which cluster."""
    note_flags(words)
    _note_command(verb, given)
    try:
        yield
    finally:
        note_flags(())
        _command.set(_NOTHING)


def note_flags(words: Sequence[str]) -> None:
    """The flags that say which cluster is meant, as they were given."""
    _given.set(tuple(words))


def _note_command(verb: str, given: Mapping[str, object]) -> None:
    """What was asked for, with its options, to be told of another window."""
    options = {name: value for name, value in given.items() if name not in _NAMES}
    words = [
        word
        for name, value in options.items()
        if isinstance(value, str)
        for word in (f"--{name.rstrip('_').replace('_', '-')}", value)
    ]
    _command.set((verb, tuple(words)))


def same_of(name: str) -> str:
    """The same command, of a window of the cluster."""
    verb, words = _command.get()
    return shlex.join(["fastapi-maintenance", verb, name, *words, *_given.get()])


def verb() -> str:
    """What was asked for."""
    return _command.get()[0]


def run_line(words: Sequence[str], command: Sequence[str]) -> str:
    """A `run` of a command with other words before it."""
    return shlex.join(["fastapi-maintenance", "run", *words, "--", *command])


def only_reads() -> bool:
    """Whether what was asked for changes nothing, so that few rights suffice."""
    return _command.get()[0] in _READING


def named(name: str, namespace: str) -> str:
    """A window behind a verb that is told, where it is."""
    return f"{name}{flags()}" if name.startswith(CLUSTER) else f"{name} {at(namespace)}"


def place(namespace: str) -> str:
    """Where something is done, in words: the context too, if one was given."""
    words = _given.get()
    context = dict(zip(words[::2], words[1::2], strict=True)).get("--context")
    return f"namespace {namespace}" + (f" of context {context}" if context else "")


def at(namespace: str) -> str:
    """What comes behind a command that is told."""
    return shlex.join(["-n", namespace, *_given.get()])


def flags() -> str:
    """The same of what lies in no namespace, with a space before it; empty where none was given."""
    return "".join(f" {shlex.quote(word)}" for word in _given.get())


def cluster_flags() -> list[str]:
    """Those of them that name the cluster alone: whoever grants a right does so as himself."""
    words = _given.get()
    pairs = zip(words[::2], words[1::2], strict=True)
    return [word for pair in pairs if pair[0] in ("--context", "--kubeconfig") for word in pair]


def see_operator() -> str:
    """What to look at where no operator answers."""
    kubectl = shlex.join(["kubectl", *cluster_flags()])
    return f"see the operator: {kubectl} get pods -A -l app.kubernetes.io/name=fastapi-maintenance"


def of_the_next(name: str, namespace: str) -> str:
    """The commands that change an occurrence which is to come: nothing is open to be changed."""
    place = named(name, namespace)
    return (
        f"let the next begin later: fastapi-maintenance postpone {place} --by 1h; "
        f"leave it out: fastapi-maintenance skip {place}"
    )


def of_app(app: str, windows: Sequence[str], namespace: str) -> list[str]:
    """What to write where an app was named, and one of its windows is meant."""
    if not windows:
        return []
    many = f" ({', '.join(windows)})" if len(windows) > 1 else ""
    same = f"{same_of(windows[0])} -n {shlex.quote(namespace)}"
    lines = [f"{app} is an app; of its window{'s' if many else ''}{many}: {same}"]
    if verb() == "end":
        lines += [f"all that `on` has opened for it: fastapi-maintenance off {app} {at(namespace)}"]
    return lines
