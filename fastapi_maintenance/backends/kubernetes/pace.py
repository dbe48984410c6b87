"""How patient a process is with an API server. All in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """The defaults are for thousands of processes that follow one API server."""

    first_delay: float = 0.8
    """Most that is waited after a first failure; client-go begins with the same."""
    longest_delay: float = 30.0
    """Most that is waited however often it failed, unless the server asks for more."""
    longest_request: float = 60.0
    """Most that a ``Retry-After`` of the server is followed: it may be wrong, or a proxy's."""
    reset_after: float = 120.0
    """Health that lasted this long forgets earlier failures."""
    watch: tuple[int, int] = (300, 600)
    """How long a watch is asked to last; drawn anew for each, so that not all end together."""
    idle: tuple[float, float] = (75.0, 85.0)
    """How long a watch may say nothing before it counts as dead. Bookmarks come every minute."""
    first_word: float = 150.0
    """How long it may at least until it has said something: where nothing is written, a server that
    was started anew sends its first bookmark after two minutes."""
    spread: float = 1.0
    """Most that is waited after a watch that the server ended early: it is going down, and all
    others have lost theirs in the same instant."""
    connect: float = 10.0
    """For the connection, its TLS and a proxy's consent."""
    answer: float = 30.0
    """For a whole answer that is no watch."""
    credentials: float = 60.0
    """For files and plugins that say who this process is; a plugin may ask a slow server."""
