"""What the applications look like: known to the workers, and to those who only report of them."""

from __future__ import annotations

from dataclasses import dataclass

CHUNKS = 2_000

ONE, FLAT, NESTED, STREAM = "one", "flat", "nested", "stream"


@dataclass(frozen=True)
class Shape:
    """What an application looks like."""

    kind: str
    routes: int
    """Where there are many."""

    @property
    def title(self) -> str:
        """The head of its column."""
        return {
            ONE: "1 route",
            FLAT: f"{self.routes} routes `/r{{n}}/{{id}}`",
            NESTED: f"{self.routes} routes `/items/{{id}}/part{{n}}`",
            STREAM: f"a stream of {CHUNKS:,} chunks",
        }[self.kind]

    @property
    def path(self) -> str:
        """What is asked for: a route in the middle, neither the first nor the last to be tried."""
        return {
            ONE: "/orders",
            FLAT: f"/r{self.routes // 2}/7",
            NESTED: f"/items/7/part{self.routes // 2}",
            STREAM: "/stream",
        }[self.kind]
