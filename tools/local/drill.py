"""The drill of a restore: a demo is backed up, destroyed, restored and proved, on servers of its own."""

from __future__ import annotations

import fcntl
import subprocess
import tempfile
from pathlib import Path

from tools.local import stack
from tools.local.binaries import LocalServerError, postgres_programs, with_programs
from tools.local.kinds import DATABASE
from tools.local.parts import Parts
from tools.local.servers import hold_lock, local_servers


def restore_drill() -> int:
    """Play it; nothing of the checkout's own data is touched. Raises LocalServerError where a step fails."""
    # its own courier and ports, whatever `.env` says of the checkout's
    environ = {
        k: v for k, v in stack.environment().items() if k not in {"TUSKER_CARRIER_URL", "PORT", "WEB_PORT"}
    }
    with (
        tempfile.TemporaryDirectory(prefix="tusker-drill-") as folder,
        hold_lock(Path(folder) / "lock", fcntl.LOCK_EX),
        local_servers(durable=False, environ={}) as servers,
        stack.planned(environ) as parts,
    ):
        environ = with_programs(environ | servers.environ())
        stack.terminal.say("A demo to lose ...")
        stack.flask(environ, "db", "upgrade")
        with Parts(environ, Path(folder) / "lock", stack.terminal) as running:
            running.start(next(part for part in parts if part.name == "courier"))
            stack.flask(environ, "seed-demo", "--logins", str(Path(folder) / "logins.txt"))
        file = str(Path(folder) / "demo.dump")
        stack.flask(environ, "backup", file)
        stack.terminal.say("Destroying it ...")
        _anew(servers.database_url)
        stack.flask(environ, "restore", file)
    stack.terminal.say("The drill is passed: the demo was destroyed, restored and proved.")
    return 0


def _anew(url: str) -> None:
    socket = url.partition("host=")[2]
    for command in (["dropdb", "--force"], ["createdb"]):
        program = str(postgres_programs() / command[0])
        done = subprocess.run(
            [program, *command[1:], "-h", socket, "-U", "postgres", DATABASE], capture_output=True, text=True
        )
        if done.returncode:
            raise LocalServerError(f"{command[0]} failed: {done.stderr.strip()}")
