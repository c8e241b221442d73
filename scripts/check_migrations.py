"""Have squawk read the SQL of the migrations since it came (part of make check), by the rules of .squawk.toml.

The SQL is written offline, so that no database is needed: a migration that reads rows does so in SQL.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
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
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    with app.app_context():
        for script in ScriptDirectory.from_config(config).iterate_revisions("head", LAST_UNREAD):
            config.output_buffer = io.StringIO()
            command.upgrade(config, f"{script.down_revision}:{script.revision}", sql=True)
            (folder / f"{Path(script.path).stem}.sql").write_text(config.output_buffer.getvalue())


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
