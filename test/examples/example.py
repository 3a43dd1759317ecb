#!/usr/bin/python3
"""psycopg: insert, wait by LISTEN, read. DATABASE_URL says where, and as whom."""
import os
import select
import time

import psycopg
from psycopg.types.json import Json


def finished(db, execution, seconds=30):
    """The notification is a hint without an id, and may be lost: the row is the truth, and asked every second anyway."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        row = db.execute(
            "SELECT status, reason, message, output FROM slipway.executions WHERE id = %s AND finished_at IS NOT NULL",
            (execution,),
        ).fetchone()
        if row:
            return row
        select.select([db], [], [], 1.0)
    raise TimeoutError(f"not finished: {execution}")


with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
    db.execute("LISTEN slipway_finished")  # before the insert, so that no end is missed
    (execution,) = db.execute(
        "INSERT INTO slipway.executions (user_id, agent, input) VALUES (%s, %s, %s) RETURNING id",
        ("u-42", "momentum", Json({"symbol": "ETH", "prices": [2510.0, 2531.5, 2544.1]})),
    ).fetchone()
    status, reason, message, output = finished(db, execution)
    print(status, output)

    # A backend that serves many users narrows each transaction to the one it works for.
    with db.transaction():
        db.execute("SELECT slipway.narrow_to(%s)", ("u-42",))
        (others,) = db.execute("SELECT count(*) FROM slipway.executions WHERE user_id <> 'u-42'").fetchone()
    print("rows of others:", others)
