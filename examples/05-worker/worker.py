"""A queue's worker that writes nothing while a window refuses writes."""

import logging
import os
import queue
import time

from fastapi_maintenance import LocalFileBackend, MaintenanceActive

backend = LocalFileBackend(os.environ.get("MAINTENANCE_FILE", "maintenance.yaml"), app="orders")

tasks: "queue.Queue[int]" = queue.Queue()
charged: list[int] = []


def charge(order: int) -> None:
    """What writes to the database; it is counted, then checked, and holds a drain while it runs."""
    with backend.work("charge", needs=["orders-db"]):
        charged.append(order)


def take_one() -> float:
    """Do a task, or give it back; the answer is how many seconds to wait before the next."""
    order = tasks.get()
    try:
        charge(order)
    except MaintenanceActive as refused:
        tasks.put(order)
        logging.info("order %d waits: %s", order, refused)
        return min(refused.retry_after or 5.0, 5.0)
    logging.info("order %d is charged", order)
    return 0.5


def main() -> None:
    """Work off a queue that somebody fills all the time."""
    logging.basicConfig(level=logging.INFO)
    order = 0
    while True:
        tasks.put(order := order + 1)
        time.sleep(take_one())


if __name__ == "__main__":
    main()
