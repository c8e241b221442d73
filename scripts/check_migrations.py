"""Have squawk read the SQL of the migrations since it came (part of make check), by the rules of .squawk.toml.

The SQL is written offline, so that no database is needed: a migration that reads rows does so in SQL.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from flask import Flask

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tusker.extensions import db, migrate  # noqa: E402 - the checkout is no installed package

LAST_UNREAD = "0012"
"""Those up to this revision have run everywhere and stay as they are."""


def write_sql(folder: Path) -> None:
    """One file of SQL for the upgrade to each newer revision."""
    app = Flask("check_migrations")
    app.config["SQLALCHEMY_DATABASE_URI"] = "postgresql+psycopg2://"
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    written = io.StringIO()
    config = Config(output_buffer=written)
    config.set_main_option("script_location", str(ROOT / "migrations"))
    names = {
        path.stem.partition("_")[0]: path.stem for path in (ROOT / "migrations" / "versions").glob("*.py")
    }
    with app.app_context():
        command.upgrade(config, f"{LAST_UNREAD}:head", sql=True)
    whole = written.getvalue().removesuffix("COMMIT;\n\n")
    start, *upgrades = re.split(r"^-- Running upgrade \w+ -> ", whole, flags=re.M)
    for upgrade in upgrades:
        revision, sql = upgrade.split("\n", 1)
        (folder / f"{names[revision]}.sql").write_text(f"{start}{sql}COMMIT;\n")


def main() -> int:
    """Print what squawk objects to; returns its exit code, which is not 0 when it does."""
    with tempfile.TemporaryDirectory() as folder:
        write_sql(Path(folder))
        squawk = Path(sys.executable).parent / "squawk"
        said = subprocess.run(
            [squawk, "--config", ROOT / ".squawk.toml", *sorted(Path(folder).iterdir())],
            capture_output=True,
            text=True,
        )
    if said.returncode:
        print(said.stdout + said.stderr, file=sys.stderr)
    return said.returncode


if __name__ == "__main__":
    sys.exit(main())
