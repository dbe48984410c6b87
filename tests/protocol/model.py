"""The protocol as a model: what each part may do next.

Each rule can be left out, to see what it is for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.protocol.values import Item, Process, Round, Said, Scenario, State, Status, Window

RULES = frozenset(("R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "R12"))
SILENCE = "silence is never consent"
BETWEEN = "no version came in between"
"""A part of R4."""
ALL = RULES | {SILENCE, BETWEEN}
SKEW = 1


Step = tuple[str, State]


@dataclass(frozen=True)
class Model:
    """A scenario under some of the rules."""

    scenario: Scenario
    rules: frozenset[str] = ALL

    def begin(self) -> State:
        """Before anything has happened; those that serve have registered."""
        numbered = enumerate(self.scenario.processes)
        items = {self._key(number): Item() for number, p in numbered if p.phase == "serving"}
        listed = tuple(items.items())
        return State(self.scenario.processes, items=listed, cache=listed)

    def steps(self, state: State) -> Iterator[Step]:
        """All that may happen next, each with its name."""
        yield from self._world(state)
        yield from self._operator(state)
        for number in range(len(state.processes)):
            yield from self._process(state, number)

    def is_wrong(self, state: State) -> bool:
        """Whether `Drained=True` stands while a process that registered runs what is refused."""
        window, status = state.window, state.status
        if window is None or status is None or window.scope < self.scenario.kind:
            return False
        return self.claims(state) and any(
            p.request == "running" and p.phase in ("serving", "stopping") for p in state.processes
        )

    def claims(self, state: State) -> bool:
        """Whether what stands in etcd is about now."""
        window, status = state.window, state.status
        if window is None or status is None or status.generation != window.generation:
            return False
        occurrence = window.open_at(state.now)
        about_now = occurrence is not None and occurrence[0] == status.occurrence
        return about_now and state.now < status.until

    def _world(self, state: State) -> Iterator[Step]:
        """The clock, and the user."""
        if state.now < self.scenario.horizon:
            yield "tick", state._replace(now=state.now + 1)
        if state.done < len(self.scenario.user):
            window, done = self.scenario.user[state.done], state.done + 1
            if window is None:
                yield "delete", state._replace(window=None, status=None, done=done)
            elif state.window is None:
                yield "create", state._replace(window=window, status=None, done=done)
            else:
                yield "edit", state._replace(window=window, done=done)

    # The operator

    def _operator(self, state: State) -> Iterator[Step]:
        if state.window is not None:
            fresh = Round(state.window, state.status)
            if state.round is None or state.round[:2] != fresh[:2]:
                yield "operator reads the window", state._replace(round=fresh)
        yield from self._hears(state)
        if state.round is None:
            return
        yield from self._plans(state, state.round)
        if state.round.items is None and ("R8" not in self.rules or self._has_planned(state.round)):
            items = state.items if "R10" in self.rules else state.cache
            listed = state.round._replace(items=items, at=state.now)
            yield "operator lists processes", state._replace(round=listed)
        if state.round.items is not None:
            yield from self._writes(state, state.round)

    def _hears(self, state: State) -> Iterator[Step]:
        """R10: the list is one snapshot, never a cache that is fed event by event."""
        known, items = dict(state.cache), dict(state.items)
        for key in sorted(known.keys() | items.keys()):
            if "R10" not in self.rules and known.get(key) != items.get(key):
                told = {**known, key: items[key]} if key in items else known
                if key not in items:
                    told = {k: v for k, v in known.items() if k != key}
                cache = tuple(sorted(told.items()))
                yield f"operator hears of {key}", state._replace(cache=cache)

    def _has_planned(self, round_: Round) -> bool:
        return round_.planned or not self.scenario.of_plan

    def _plans(self, state: State, round_: Round) -> Iterator[Step]:
        if self.scenario.of_plan and not round_.planned:
            plan = round_.window if _is_newer(round_.window, state.plan) else state.plan
            planned = round_._replace(planned=True)
            yield "operator writes the plan", state._replace(plan=plan, round=planned)

    def _writes(self, state: State, round_: Round) -> Iterator[Step]:
        status = self._proven(round_)
        unchanged = (state.window, state.status) == (round_.window, round_.status)
        if state.window is not None and (unchanged or "R6" not in self.rules):
            name = "operator writes " + ("True" if status else "False")
            yield name, state._replace(status=status, round=None)
        else:
            yield "operator meets a conflict", state._replace(round=None)

    def _proven(self, round_: Round) -> Status | None:
        """What may be said on a list."""
        window, before = round_.window, round_.status
        occurrence = window.open_at(round_.at)
        if occurrence is None:
            return None
        items = [i for n, i in round_.items or () if not self._is_passed_over(n)]
        agreed = bool(items) and all(self._agrees(item.said, round_) for item in items)
        opened = round_.at >= occurrence[0] + SKEW or "R12" not in self.rules
        fresh = agreed and opened and not any(item.busy for item in items)
        stays = before is not None and self._stays(before, round_)
        if not (fresh or stays):
            return None
        # Whoever said so may know by now what the operator knows, and be cut off from what comes.
        untils = [occurrence[1]]
        if "R4" in self.rules and agreed:
            untils += [item.said.until for item in items if item.said]
        elif "R4" in self.rules and before:
            untils.append(before.until)
        return Status(occurrence[0], window.scope, window.generation, min(untils))

    def _is_passed_over(self, number: int) -> bool:
        return SILENCE not in self.rules and number in self.scenario.mute

    def _agrees(self, said: Said | None, round_: Round) -> bool:
        if said is None or said.uid != round_.window.uid:
            return False
        return "R4" not in self.rules or self._is_same(said, round_)

    def _stays(self, before: Status, round_: Round) -> bool:
        return "R4" not in self.rules or self._is_same(before, round_)

    def _is_same(self, told: Said | Status, round_: Round) -> bool:
        window = round_.window
        opened = window.open_at(round_.at)
        follows = BETWEEN not in self.rules or window.generation <= told.generation + 1
        return (
            opened is not None
            and opened[0] == told.occurrence
            and window.scope == told.scope
            and follows
            and round_.at < told.until
        )

    # A process

    def _process(self, state: State, number: int) -> Iterator[Step]:
        process = state.processes[number]
        yield from self._starts(state, number, process)
        if process.phase in ("serving", "stopping"):
            yield from self._serves(state, number, process)
            yield from self._speaks(state, number, process)
        if self.scenario.ends:
            yield from self._ends(state, number, process)

    def _starts(self, state: State, number: int, process: Process) -> Iterator[Step]:
        """R1: register, then look, then serve."""
        looks, registers = f"{number} looks", f"{number} registers"
        source, registered = self._source(state, number), self._put(state, number, Item())
        if "R1" in self.rules:
            if process.phase == "new":
                yield registers, _with(registered, number, phase="registered")
            if process.phase == "registered":
                yield looks, _with(state, number, phase="serving", view=source)
        elif process.phase == "new":
            yield looks, _with(state, number, phase="looked", view=source)
        elif process.phase == "looked":
            yield registers, _with(registered, number, phase="serving")

    def _serves(self, state: State, number: int, process: Process) -> Iterator[Step]:
        """R5: count, then check."""
        counts_first = "R5" in self.rules
        lets_in = not self._refuses(number, process, state.now)
        if process.request == "" and process.phase == "serving":
            if counts_first:
                yield f"{number} counts a request", _with(state, number, request="counted")
            elif lets_in:
                yield f"{number} checks a request", _with(state, number, request="checked")
        if process.request == "counted":
            request = "running" if lets_in else ""
            name = f"{number} {'lets in' if lets_in else 'refuses'} a request"
            yield name, _with(state, number, request=request)
        if process.request == "checked":
            yield f"{number} lets in a request", _with(state, number, request="running")
        if process.request == "running":
            yield f"{number} ends a request", _with(state, number, request="")

    def _speaks(self, state: State, number: int, process: Process) -> Iterator[Step]:
        if number in self.scenario.mute:
            return
        if process.view != self._source(state, number):
            yield f"{number} learns", _with(state, number, view=self._source(state, number))
        said = self._says(number, process, state.now)
        busy = process.request in ("counted", "running")
        item = Item(said, busy)
        if self._get(state, number) not in (None, item):
            reported = self._put(state, number, item)
            yield f"{number} reports", _with(reported, number, begun=said or process.begun)
        if self.scenario.steps_back and process.begun and not process.late:
            yield f"{number} steps back", _with(state, number, late=2)

    def _ends(self, state: State, number: int, process: Process) -> Iterator[Step]:
        if process.phase == "serving":
            yield f"{number} stops", _with(state, number, phase="stopping")
        idle = process.request == "" or "R2" not in self.rules
        if process.phase == "stopping" and idle and self._get(state, number):
            yield f"{number} unregisters", self._drop(state, number)
        gone = process.phase == "dead" or "R7" not in self.rules
        if process.phase not in ("new", "looked") and gone and self._get(state, number):
            yield f"{number} is collected", self._drop(state, number)
        if process.phase in ("registered", "serving", "stopping"):
            yield f"{number} dies", _with(state, number, phase="dead", request="")

    def _refuses(self, number: int, process: Process, now: int) -> bool:
        if number in self.scenario.exempt:
            return False
        if process.view is None or process.view.scope < self.scenario.kind:
            return False
        return self._occurrence(process, now) is not None

    def _occurrence(self, process: Process, now: int) -> tuple[int, int] | None:
        """The one that is open for a process; R9: one that has begun stays begun."""
        window, begun, own = process.view, process.begun, now - process.late
        if window is None:
            return None
        if "R9" in self.rules and begun and begun.uid == window.uid:
            own = max(own, begun.occurrence)
        return window.open_at(own)

    def _says(self, number: int, process: Process, now: int) -> Said | None:
        """R11: what it says is true."""
        occurrence = self._occurrence(process, now)
        pretends = number not in self.scenario.exempt or "R11" not in self.rules
        if process.view is None or occurrence is None or not pretends:
            return None
        return Said(*process.view[:3], *occurrence)

    # What is in etcd

    def _source(self, state: State, number: int) -> Window | None:
        return state.plan if number in self.scenario.of_plan else state.window

    def _key(self, number: int) -> int:
        """R3: one object is one process."""
        return 0 if self.scenario.one_pod and "R3" not in self.rules else number

    def _get(self, state: State, number: int) -> Item | None:
        return dict(state.items).get(self._key(number))

    def _put(self, state: State, number: int, item: Item) -> State:
        items = {**dict(state.items), self._key(number): item}
        return state._replace(items=tuple(sorted(items.items())))

    def _drop(self, state: State, number: int) -> State:
        items = tuple((key, item) for key, item in state.items if key != self._key(number))
        return state._replace(items=items)


def _with(state: State, number: int, **changes: object) -> State:
    processes = list(state.processes)
    processes[number] = processes[number]._replace(**changes)  # type: ignore[arg-type]
    return state._replace(processes=tuple(processes))


def _is_newer(window: Window, plan: Window | None) -> bool:
    return plan is None or window[:2] > plan[:2]
