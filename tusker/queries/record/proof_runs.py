"""What the last proof found, and the limits as they are now."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, text

from tusker.extensions import db
from tusker.models import ProofRun
from tusker.queries.record.chain import ChainReport
from tusker.queries.record.proof import EVERY_LIMIT, Mismatch, Proof, ProofRow

MOST_KEPT = 500
"""Differences of a run that are kept; its mail and `flask prove` have all."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a proof found. `wrong` counts all differences; those listed are the first ones."""

    limits: int
    wrong: int
    differences: list[ProofRow]
    mismatches: list[Mismatch]
    sealed: int
    checked: int
    waiting: int
    head: str
    broken: bool
    problems: list[str]
    """What is wrong with the record of events, in words."""

    @property
    def holds(self) -> bool:
        """Whether every counter and balance equals what its rows add up to."""
        return not self.wrong

    def as_kept(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class KeptProof:
    """A proof that was made: when, by whom, and what it found."""

    at: datetime
    actor: str
    found: Found


def found_by(proof: Proof, chain: ChainReport, problems: list[str]) -> Found:
    """What a proof and a check of the chain found, in short."""
    return Found(
        limits=len(proof.accounts),
        wrong=len(proof.differences) + len(proof.mismatches),
        differences=proof.differences[:MOST_KEPT],
        mismatches=proof.mismatches[:MOST_KEPT],
        sealed=chain.sealed,
        checked=chain.checked,
        waiting=chain.waiting.count,
        head=str(chain.head),
        broken=chain.broken is not None,
        problems=problems,
    )


def last_proof() -> KeptProof | None:
    """The proof that was made last; None before the first one."""
    run = db.session.scalar(select(ProofRun).order_by(ProofRun.id.desc()).limit(1))
    if run is None:
        return None
    rows = {
        "differences": [ProofRow(**row) for row in run.found["differences"]],
        "mismatches": [Mismatch(**row) for row in run.found["mismatches"]],
    }
    return KeptProof(run.at, run.actor, Found(**{**run.found, **rows}))


@dataclass(frozen=True, slots=True)
class LimitNow:
    """A limit and what is used of it, in minor units."""

    kind: str
    id: int
    name: str
    limit: int
    used: int

    @property
    def available(self) -> int:
        """limit − exposure; negative when the limit was lowered below what is used."""
        return self.limit - self.used


@dataclass(frozen=True, slots=True)
class LimitsNow:
    """The limits of one kind: those used most, and the sums of all; minor units."""

    kind: str
    rows: list[LimitNow]
    count: int = 0
    limit: int = 0
    used: int = 0
    available: int = 0
    """Sum of what is left where something is left."""
    overdrawn: int = 0
    """Sum of what is used beyond limits that were lowered."""


_LIMITS = text(
    f"""
    WITH limits AS ({EVERY_LIMIT}), sums AS (
        SELECT kind, count(*) AS count, sum(limit_amount)::bigint AS limit, sum(used_amount)::bigint AS used,
            sum(GREATEST(0, limit_amount - used_amount))::bigint AS available,
            sum(GREATEST(0, used_amount - limit_amount))::bigint AS overdrawn
        FROM limits GROUP BY kind
    ), shown AS (
        SELECT *, row_number() OVER (PARTITION BY kind ORDER BY used_amount DESC, name) AS turn FROM limits
    )
    SELECT s.kind, s.id, s.name, s.limit_amount, s.used_amount, t.count, t.limit, t.used, t.available, t.overdrawn
    FROM shown s JOIN sums t ON t.kind = s.kind WHERE s.turn <= :most ORDER BY s.kind, s.turn
    """  # noqa: S608 (constants)
)


def limits_now(kinds: tuple[str, ...], *, most: int) -> list[LimitsNow]:
    """The limits of each kind, at most so many of each."""
    rows: dict[str, list[Row[Any]]] = {kind: [] for kind in kinds}
    for row in db.session.execute(_LIMITS, {"most": most}):
        rows[row.kind].append(row)
    return [
        LimitsNow(
            kind,
            [LimitNow(row.kind, row.id, row.name, row.limit_amount, row.used_amount) for row in found],
            *(found[0][5:] if found else ()),
        )
        for kind, found in rows.items()
    ]
