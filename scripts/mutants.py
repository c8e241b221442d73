"""Change the rules of money a little, many times over, and see whether a test notices each change (make mutants).

A sample of all mutants of the given modules is tried, drawn by a fixed seed, in a copy of the checkout. Prints how many
were noticed and the change of each that was not.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = ["tusker/domain", "tusker/services/loans"]
TESTS = (
    "tests/domain tests/bank/test_matching.py tests/record/test_chain.py tests/delivery/test_conditions.py"
    " tests/reports/test_derivations.py tests/loans tests/record/test_daily_jobs.py"
    " --deselect tests/loans/test_stateful.py"
)
CONFIG = """
[cosmic-ray]
module-path = {modules}
timeout = 300.0
excluded-modules = []
test-command = "{python} -m pytest -n0 -q -x -p no:cacheprovider {tests}"
[cosmic-ray.distributor]
name = "local"
"""


def main() -> int:
    """Run the sample; returns 1 when nothing could be tried."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", type=Path, required=True, help="the environment with cosmic-ray")
    parser.add_argument("--sample", type=int, default=40, help="how many mutants are tried")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--modules", nargs="+", default=MODULES)
    parser.add_argument("--tests", default=TESTS, help="what pytest is given")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        ignored = shutil.ignore_patterns(".git", ".venv*", "var", "__pycache__", ".*_cache", ".hypothesis")
        shutil.copytree(ROOT, copy, ignore=ignored)
        config, session = copy / "mutants.toml", copy / "mutants.sqlite"
        python = ROOT / ".venv" / "bin" / "python"
        config.write_text(CONFIG.format(modules=arguments.modules, python=python, tests=arguments.tests))
        cosmic_ray = [str(arguments.tools.resolve() / "cosmic-ray")]
        # tests that fail without any change would notice every one
        subprocess.run([*cosmic_ray, "baseline", str(config)], cwd=copy, check=True)
        subprocess.run([*cosmic_ray, "init", str(config), str(session)], cwd=copy, check=True)
        total = keep_sample(session, arguments.sample, arguments.seed)
        subprocess.run([*cosmic_ray, "exec", str(config), str(session)], cwd=copy, check=True)
        return report(session, total)


def keep_sample(session: Path, size: int, seed: int) -> int:
    """Forget all mutants but a sample; returns how many there were.

    Those of `|` are none: it joins types in annotations, which no test can notice, and conditions of SQL.
    """
    wanted = "SELECT job_id FROM mutation_specs WHERE operator_name NOT LIKE '%BitOr%' ORDER BY job_id"
    with sqlite3.connect(session) as connection:
        jobs = [row[0] for row in connection.execute(wanted)]
        kept = set(random.Random(seed).sample(jobs, min(size, len(jobs))))
        every = connection.execute("SELECT job_id FROM work_items").fetchall()
        gone = [(job,) for (job,) in every if job not in kept]
        connection.executemany("DELETE FROM mutation_specs WHERE job_id = ?", gone)
        connection.executemany("DELETE FROM work_items WHERE job_id = ?", gone)
    return len(jobs)


def report(session: Path, total: int) -> int:
    """Print the figure and what lived."""
    with sqlite3.connect(session) as connection:
        rows = connection.execute("SELECT test_outcome, diff FROM work_results").fetchall()
    lived = [diff for outcome, diff in rows if "SURVIVED" in str(outcome).upper()]
    for diff in lived:
        print(diff)
    print(f"{len(rows) - len(lived)} of {len(rows)} mutants were noticed (a sample of {total}).")
    return 0 if rows else 1


if __name__ == "__main__":
    sys.exit(main())
