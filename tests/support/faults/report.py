"""The figures of faults and upgrades that were played, kept in a file from run to run and written down as tables."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import median

from tests.support.running import CHECKOUT

KEPT = CHECKOUT / "var" / "faults.jsonl"
WRITTEN = CHECKOUT / "docs" / "reliability.md"


@dataclass(frozen=True)
class Played:
    """One fault and what came of it; times in seconds since it happened, or since it was over."""

    fault: str
    works: float
    all_parts: float
    lost: int
    doubled: int
    orphans: int
    unproved: int
    unserved: int
    last: str = ""
    """The parts that were missing the longest."""
    detail: str = ""


@dataclass(frozen=True)
class Run:
    """A whole run: what its clients were answered."""

    requested: int
    released: int
    repaid: int
    retried: int
    answers: dict[str, int]
    bare: int
    failed_jobs: int
    slowest_health: float
    health: int
    late_health: int


@dataclass(frozen=True)
class Upgraded:
    """One upgrade under load; times in seconds, of the migrations and until all parts were the new release's."""

    migrated: float
    took: float
    tried_again: int
    acknowledged: int
    unserved: int
    bare: int
    deadlocks: int
    failed_jobs: int
    lost: int
    doubled: int
    slowest: float


def keep(*found: Played | Run | Upgraded) -> None:
    """Add lines to the file."""
    KEPT.parent.mkdir(exist_ok=True)
    with KEPT.open("a") as file:
        file.writelines(json.dumps(asdict(each)) + "\n" for each in found)


def write() -> None:
    """Write the table of all that was kept into the document."""
    lines = [json.loads(line) for line in KEPT.read_text().splitlines()]
    played = [Played(**line) for line in lines if "fault" in line]
    runs = [Run(**line) for line in lines if "requested" in line]
    upgraded = [Upgraded(**line) for line in lines if "migrated" in line]
    if played:
        _fill("figures", _table(played) + _totals(runs))
    if upgraded:
        _fill("upgrades", _upgrades(upgraded))


def _fill(mark: str, found: str) -> None:
    """Put this between two marks of the document."""
    begins, ends = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->\n"
    before, _, rest = WRITTEN.read_text().partition(begins)
    WRITTEN.write_text(before + begins + found + ends + rest.partition(ends)[2])


def _upgrades(upgraded: list[Upgraded]) -> str:
    found = [
        "| | schema (s) | all (s) | revisions tried again | acknowledged | 503 with `Retry-After`, 502 or none"
        " | other 5xx | deadlocks | failed jobs | lost | doubled | slowest answer (s) |\n",
        f"|{' --- |' * 12}\n",
    ]
    for number, each in enumerate(upgraded, 1):
        found.append(
            f"| {number} | {each.migrated:.0f} | {each.took:.0f} | {each.tried_again} | {each.acknowledged}"
            f" | {each.unserved - each.bare} | {each.bare} | {each.deadlocks} | {each.failed_jobs}"
            f" | {each.lost} | {each.doubled} | {each.slowest:.1f} |\n"
        )
    return "".join(found)


def _table(played: list[Played]) -> str:
    names = dict.fromkeys(each.fault for each in played)
    found = [
        "| fault | times | lost | doubled | orphans | proof | not served | works again (s): median, longest"
        " | all parts there (s): median, longest |\n",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    ]
    for name in sorted(names):
        of_it = [each for each in played if each.fault == name]
        works, parts = [each.works for each in of_it], [each.all_parts for each in of_it]
        unproved = sum(each.unproved for each in of_it)
        found.append(
            f"| {name} | {len(of_it)} | {sum(each.lost for each in of_it)} | {sum(each.doubled for each in of_it)}"
            f" | {sum(each.orphans for each in of_it)} | {f'{unproved} differ' if unproved else 'clean'}"
            f" | {sum(each.unserved for each in of_it)}"
            f" | {median(works):.1f}, {max(works):.1f} | {median(parts):.1f}, {max(parts):.1f} |\n"
        )
    return "".join(found)


def _totals(runs: list[Run]) -> str:
    if not runs:
        return ""
    answers: dict[str, int] = {}
    for run in runs:
        for kind, count in run.answers.items():
            answers[kind] = answers.get(kind, 0) + count
    told = ", ".join(f"{kind}: {count:,}" for kind, count in sorted(answers.items()))
    return (
        f"\nThe last {len(runs)} runs: acknowledged {sum(run.requested for run in runs):,} requests,"
        f" {sum(run.released for run in runs):,} releases, {sum(run.repaid for run in runs):,} repayments;"
        f" {sum(run.retried for run in runs):,} requests were sent again with their key. Answers by status: {told};"
        f" {sum(run.bare for run in runs):,} of them 5xx without `Retry-After` or our words. Jobs that failed for good:"
        f" {sum(run.failed_jobs for run in runs):,}. Slowest `/healthz` of a process that was there:"
        f" {max(run.slowest_health for run in runs):.1f} s; {sum(run.late_health for run in runs):,} of"
        f" {sum(run.health for run in runs):,} took longer than a second.\n"
    )
