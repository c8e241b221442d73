"""Which test runs where and when: the longest first, so that all processors end together.

A file stays on one worker, in its order. Those of `APART` are left to whoever is free, test by test: each of their
tests is long and needs nothing of the others.
"""

from __future__ import annotations

import gc

import pytest
from xdist.scheduler import LoadScopeScheduling

SECONDS = {
    "tests/stack/test_faults.py": 100,
    "tests/stack/test_upgrade.py": 80,
    "tests/browser/test_for_everyone.py": 105,
    "tests/web/test_every_page.py": 70,
    "tests/stack/test_kill.py": 90,
    "tests/browser/test_browser.py": 35,
    "tests/browser/test_first_run.py": 70,
    "tests/api/test_schemathesis.py": 40,
    "tests/web/test_matrix.py": 60,
    "tests/stack/test_walk.py": 50,
    "tests/loans/test_stateful.py": 30,
    "tests/tools/local/test_stack.py": 42,
    "tests/demo/test_seed_demo.py": 40,
    "tests/replay/test_replay.py": 40,
    "tests/reports/test_properties.py": 38,
    "tests/tools/local/test_servers.py": 37,
    "tests/payout/test_netting.py": 33,
    "tests/web/test_lists.py": 30,
    "tests/demo/test_first_orders.py": 10,
    "tests/migrations/test_schema.py": 15,
    "tests/web/test_nasty_values.py": 20,
    "tests/credit/test_waiting.py": 20,
    "tests/stack/test_signals.py": 20,
    "tests/loans/test_relief.py": 18,
    "tests/credit/test_admission.py": 15,
    "tests/bank/test_pages.py": 15,
    "tests/bank/test_overlap.py": 12,
    "tests/api/test_docs.py": 11,
    "tests/browser/test_large_disbursal.py": 11,
    "tests/browser/test_parcels.py": 10,
    "tests/payout/test_large_disbursal.py": 10,
    "tests/payout/test_release.py": 10,
    "tests/credit/test_available.py": 15,
    "tests/credit/test_importing.py": 10,
}
"""How long a file takes, of those of `APART` one of its long tests, when this was last looked at
(`make test ALL=1 ARGS=--durations=80`); the others are short."""

APART = {
    "tests/stack/test_upgrade.py",
    "tests/loans/test_stateful.py",
    "tests/demo/test_first_orders.py",
    "tests/replay/test_replay.py",
}


class LongestFirst(LoadScopeScheduling):
    """Gives out files, the longest first, and the tests of some files one by one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return nodeid if file in APART else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LongestFirst | None:
    """Take it for `--dist loadfile`, which `make test` asks for."""
    if config.option.dist != "loadfile":
        return None
    config.option.loadscopereorder = False  # by the number of tests: a file of one long test would come last
    return LongestFirst(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out parts where the whole is played too, and put the long files first where several processes share the
    work."""
    if not config.option.markexpr:
        parts = [item for item in items if item.get_closest_marker("part")]
        items[:] = [item for item in items if not item.get_closest_marker("part")]
        config.hook.pytest_deselected(items=parts)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: -SECONDS.get(item.nodeid.partition("::")[0], 0))


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Nothing that is collected is garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: the garbage collector need not look at it again and again."""
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()
