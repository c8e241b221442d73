"""The courier's orders and directory, kept in SQLite so that a restart forgets nothing."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.courier.statuses import DELIVERED, PLACED, Plan, later_steps

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    ref TEXT NOT NULL UNIQUE,
    cust_id TEXT, rcvr_id TEXT,
    val_dcl TEXT,              -- decimal text in major units, written into the answer as it is
    status INTEGER,
    changed_at REAL NOT NULL,  -- seconds since the epoch, simulated
    eta REAL,
    plan TEXT NOT NULL,        -- JSON: what is left of it, [[time, status], ...]
    next_at REAL               -- time of the plan's next step
);
CREATE INDEX IF NOT EXISTS orders_due ON orders (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS orders_status ON orders (status);
CREATE TABLE IF NOT EXISTS users (
    id TEXT NOT NULL, loc_id TEXT NOT NULL,
    name TEXT NOT NULL, phone TEXT NOT NULL, city TEXT NOT NULL, folded TEXT NOT NULL,
    PRIMARY KEY (id, loc_id)
);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value REAL NOT NULL);
"""
COLUMNS = "id, ref, cust_id, rcvr_id, val_dcl, status, changed_at, eta"


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it is now; times in seconds since the epoch."""

    id: int
    ref: str
    cust_id: str | None
    rcvr_id: str | None
    val_dcl: str | None
    status: int | None
    changed_at: float
    eta: float | None


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to be created; the times of `plan` are seconds after its creation, `changed_at` (None: its
    creation) is when it came into its status, in seconds since the epoch."""

    ref: str
    cust_id: str | None
    rcvr_id: str | None
    val_dcl: str | None
    status: int | None
    plan: Plan
    changed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Someone in the directory, at one location."""

    id: str
    loc_id: str
    name: str
    phone: str
    city: str


@dataclass(frozen=True, slots=True)
class Parties:
    """Names by id (the id itself where no name is known), and the ids of the newest order's two, if any."""

    suppliers: dict[str, str]
    receivers: dict[str, str]
    latest: tuple[str, str] | None


class Store:
    """All state of the simulator. Safe between threads; every change is on disk when the method returns."""

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.time) -> None:
        """Open or make the file at `path` (None: memory only); `clock` gives seconds since the epoch."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)
        row = self._db.execute("SELECT value FROM settings WHERE name = 'clock offset'").fetchone()
        self._offset = float(row[0]) if row else 0.0
        self._moved: dict[str, None] | None = None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def now(self) -> float:
        """Simulated time, in seconds since the epoch."""
        return self._clock() + self._offset

    def advance(self, seconds: float) -> float:
        """Put the simulated clock forward, move the orders that are due by then, and return the new time."""
        with self._lock, self._db:
            self._offset += seconds
            self._db.execute(
                "INSERT INTO settings VALUES ('clock offset', :v) ON CONFLICT (name) DO UPDATE SET value = :v",
                {"v": self._offset},
            )
            self._settle()
        return self.now()

    def put_orders(self, orders: Iterable[NewOrder]) -> int:
        """Create orders; one with a known reference takes its place and keeps its id. Returns how many."""
        now = self.now()
        rows = [self._row(order, now) for order in orders]
        with self._lock, self._db:
            self._db.executemany(
                "INSERT INTO orders (ref, cust_id, rcvr_id, val_dcl, status, changed_at, eta, plan, next_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (ref) DO UPDATE SET"
                " cust_id = excluded.cust_id, rcvr_id = excluded.rcvr_id, val_dcl = excluded.val_dcl,"
                " status = excluded.status, changed_at = excluded.changed_at, eta = excluded.eta,"
                " plan = excluded.plan, next_at = excluded.next_at",
                rows,
            )
        return len(rows)

    @staticmethod
    def _row(order: NewOrder, now: float) -> tuple[object, ...]:
        plan = sorted(((now + after, status) for after, status in order.plan), key=lambda step: step[0])
        eta = next((when for when, status in plan if status == DELIVERED), None)
        next_at = plan[0][0] if plan else None
        return (
            *(order.ref, order.cust_id, order.rcvr_id, order.val_dcl, order.status),
            *(now if order.changed_at is None else order.changed_at, eta, json.dumps(plan), next_at),
        )

    def place(self, cust_id: str, rcvr_id: str, val_dcl: str) -> str:
        """Create an order that stays placed until somebody moves it; returns its new reference."""
        with self._lock:
            number = self._db.execute("SELECT coalesce(max(id), 0) + 1 FROM orders").fetchone()[0]
            while self.find([f"ORD-{number}"]):
                number += 1
            self.put_orders([NewOrder(f"ORD-{number}", cust_id, rcvr_id, val_dcl, PLACED, [])])
        return f"ORD-{number}"

    def find(self, refs: Sequence[str]) -> list[Order]:
        """The orders of these references, in the order of the references; unknown ones are left out."""
        with self._lock, self._db:
            self._settle()
            marks = ", ".join("?" * len(refs))
            rows = self._db.execute(f"SELECT {COLUMNS} FROM orders WHERE ref IN ({marks})", list(refs))  # noqa: S608
            found = {order.ref: order for order in (Order(*row) for row in rows)}
        return [found[ref] for ref in dict.fromkeys(refs) if ref in found]

    def select(
        self,
        *,
        ref: str = "",
        status: int | None = None,
        cust_id: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[list[Order], int]:
        """Orders whose reference contains `ref`, newest first, and how many there are in all."""
        where = (
            "WHERE (:ref = '' OR instr(lower(ref), lower(:ref)) > 0)"
            " AND (:status IS NULL OR status = :status) AND (:cust_id IS NULL OR cust_id = :cust_id)"
        )
        values = {"ref": ref, "status": status, "cust_id": cust_id, "limit": limit, "offset": offset}
        with self._lock, self._db:
            self._settle()
            total = self._db.execute(f"SELECT count(*) FROM orders {where}", values).fetchone()[0]  # noqa: S608
            rows = self._db.execute(
                f"SELECT {COLUMNS} FROM orders {where} ORDER BY id DESC LIMIT :limit OFFSET :offset",  # noqa: S608
                values,
            ).fetchall()
        return [Order(*row) for row in rows], int(total)

    def parties(self) -> Parties:
        """Who sends and receives, as far as orders and directory tell."""
        with self._lock:
            latest = self._db.execute(
                "SELECT cust_id, rcvr_id FROM orders WHERE cust_id > '' AND rcvr_id > '' ORDER BY id DESC LIMIT 1"
            ).fetchone()
            suppliers = self._db.execute("SELECT DISTINCT cust_id FROM orders WHERE cust_id > ''").fetchall()
            receivers = self._db.execute("SELECT DISTINCT rcvr_id FROM orders WHERE rcvr_id > ''").fetchall()
            people = self._db.execute("SELECT id, loc_id, name, city FROM users").fetchall()
        names = {key: name for key, _, name, _ in people}
        names |= {key: ", ".join(filter(None, (name, city))) for _, key, name, city in people}
        return Parties(
            {key: names.get(key, key) for (key,) in suppliers},
            {key: names.get(key, key) for (key,) in receivers},
            latest,
        )

    def count_by_status(self) -> dict[int | None, int]:
        """How many orders are in each status."""
        with self._lock, self._db:
            self._settle()
            return dict(
                self._db.execute(
                    "SELECT status, count(*) FROM orders GROUP BY status ORDER BY status"
                ).fetchall()
            )

    def set_status(self, ref: str, status: int | None) -> Order | None:
        """Put an order into a status now; None when there is no such order. Plan steps behind it are dropped."""
        with self._lock, self._db:
            self._settle()
            row = self._db.execute("SELECT plan FROM orders WHERE ref = ?", (ref,)).fetchone()
            if row is None:
                return None
            plan = later_steps([(when, step) for when, step in json.loads(row[0])], status)
            self._write_step(ref, status, self.now(), plan)
        return self.find([ref])[0]

    def _settle(self) -> None:
        """Take every plan step whose time has come."""
        now = self.now()
        due = self._db.execute("SELECT ref, plan FROM orders WHERE next_at <= ?", (now,)).fetchall()
        for ref, text in due:
            plan = [(when, status) for when, status in json.loads(text)]
            when, status = [step for step in plan if step[0] <= now][-1]
            self._write_step(ref, status, when, [step for step in plan if step[0] > now])

    def _write_step(self, ref: str, status: int | None, when: float, rest: Plan) -> None:
        self._db.execute(
            "UPDATE orders SET status = ?, changed_at = ?, plan = ?, next_at = ? WHERE ref = ?",
            (status, when, json.dumps(rest), rest[0][0] if rest else None, ref),
        )
        if self._moved is not None:
            self._moved[ref] = None

    def watch(self, wanted: bool) -> None:
        """Remember from now on which orders move, or no longer."""
        with self._lock:
            self._moved = {} if wanted else None

    def take_moved(self) -> list[Order]:
        """The orders that moved since this was last asked, as they are now; none unless watched."""
        with self._lock, self._db:
            if self._moved is None:
                return []
            self._settle()
            refs, self._moved = list(self._moved), {}
        return [order for ref in refs for order in self.find([ref])]

    def put_people(self, people: Iterable[Person]) -> int:
        """Add people to the directory; the same id at the same location is replaced. Returns how many."""
        rows = [
            (who.id, who.loc_id, who.name, who.phone, who.city, f"{who.name} {who.phone}".casefold())
            for who in people
        ]
        with self._lock, self._db:
            self._db.executemany("INSERT OR REPLACE INTO users VALUES (?, ?, ?, ?, ?, ?)", rows)
        return len(rows)

    def search_people(self, text: str, *, descending: bool = False, limit: int = 20) -> list[Person]:
        """People whose name or phone contains `text`, in any case, by name."""
        way = "DESC" if descending else "ASC"
        with self._lock:
            rows = self._db.execute(
                "SELECT id, loc_id, name, phone, city FROM users WHERE instr(folded, ?) > 0"  # noqa: S608
                f" ORDER BY name {way}, id, loc_id LIMIT ?",
                (text.strip().casefold(), limit),
            ).fetchall()
        return [Person(*row) for row in rows]
