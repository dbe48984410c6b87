"""Changes the database's schema, step by step: `python migrate.py VERSION [CHECK]`.

All steps up to VERSION are one transaction. CHECK is a query that must find a row when they are
done; if it finds none, or anything fails, nothing has changed and the exit code is 1.
"""

import os
import sqlite3
import sys
from contextlib import closing

STEPS = {
    1: ["create table stock (amount integer not null)", "insert into stock values (7)"],
    2: ["alter table stock rename column amount to books"],
}


def main(version: int, check: str = "select 1") -> None:
    """Bring the database to `version`."""
    with closing(sqlite3.connect(os.environ["DATABASE"], isolation_level=None)) as database:
        database.execute("begin exclusive")
        (present,) = database.execute("pragma user_version").fetchone()
        for step in range(present + 1, version + 1):
            for statement in STEPS[step]:
                database.execute(statement)
        database.execute(f"pragma user_version = {version:d}")
        if database.execute(check).fetchone() is None:
            sys.exit(f"nothing is changed: the check found no row: {check}")
        database.execute("commit")
    print(f"the schema went from version {present} to {version}")


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
