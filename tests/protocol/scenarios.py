"""What may happen in the model: each small enough to be searched whole, each what a rule is for."""

from __future__ import annotations

from tests.protocol.values import Process, Scenario, Window

NEW = Process()
SERVING = Process("serving")
LATE = Process(late=1)

UPGRADE = Window(1, 1, 1, ((1, 4),))
RECREATED = UPGRADE._replace(uid=2)
WIDER = UPGRADE._replace(generation=2, scope=2)
SHORT = UPGRADE._replace(occurrences=((1, 3),))
EXTENDED = SHORT._replace(generation=2, occurrences=((1, 5),))
LENGTHENED = EXTENDED._replace(generation=3)
NARROWER = WIDER._replace(scope=1)
RESTORED = WIDER._replace(generation=3)
RECURRING = UPGRADE._replace(occurrences=((1, 3), (4, 7)))

SCENARIOS = {
    "a process starts": Scenario((UPGRADE,), (SERVING, NEW)),
    "a process ends": Scenario((UPGRADE,), (SERVING, SERVING), horizon=2, ends=True),
    "workers in one Pod": Scenario((UPGRADE,), (SERVING, SERVING), one_pod=True),
    "a recurring window": Scenario((RECURRING,), (SERVING,), horizon=6),
    "an edit that widens": Scenario((UPGRADE, WIDER), (SERVING,), kind=2),
    "an edit that extends": Scenario((SHORT, EXTENDED), (SERVING,), horizon=4),
    "an edit that is taken back": Scenario(
        (WIDER._replace(generation=1), NARROWER, RESTORED), (SERVING,), kind=2
    ),
    "an edit that shortens before one that extends": Scenario(
        (UPGRADE, SHORT._replace(generation=2), LENGTHENED), (SERVING,), horizon=4
    ),
    "a request at the start": Scenario((UPGRADE,), (SERVING,)),
    "a window that is recreated": Scenario((UPGRADE, None, RECREATED), (SERVING,)),
    "a process that reads the plan": Scenario((UPGRADE,), (SERVING, NEW), of_plan=(1,)),
    "an edit of the plan that is taken back": Scenario(
        (WIDER._replace(generation=1), NARROWER, RESTORED), (NEW,), kind=2, of_plan=(0,)
    ),
    "a clock that steps back": Scenario((UPGRADE,), (SERVING,), steps_back=True),
    "a gate that is told to ignore windows": Scenario((UPGRADE,), (SERVING,), exempt=(0,)),
    "a clock that is late": Scenario((UPGRADE,), (SERVING, LATE)),
    "a process that is cut off": Scenario((UPGRADE,), (SERVING, SERVING), mute=(1,)),
}

LONG = {
    "an extension, and a process that starts": Scenario(
        (SHORT, EXTENDED), (SERVING, NEW), horizon=4
    ),
    "a window that is recreated, and a process that starts": Scenario(
        (UPGRADE, None, RECREATED), (SERVING, NEW)
    ),
}
"""Minutes each; see `make protocol`."""
