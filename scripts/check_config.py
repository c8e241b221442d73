"""Check that configuration and deployment files agree (part of make check).

* every variable that config.py or gunicorn.conf.py reads stands in .example.env, and nothing else does;
* docker-compose.yml and the workflow are well-formed, name only services that exist, and give the application only
  variables that it reads.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
SERVICES = {"web", "worker", "scheduler", "postgres", "redis", "courier", "migrate"}
PROFILES = {"dev", "test"}
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{2,}")


def variables_read(path: Path) -> set[str]:
    """Names a file takes from a mapping called env, environ or os.environ, itself or through a helper."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        candidates: list[ast.expr] = []
        if isinstance(node, ast.Subscript) and is_environment(node.value):
            candidates = [node.slice]
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and is_environment(node.func.value):
                candidates = node.args[:1]
            elif node.args and is_environment(node.args[0]):
                candidates = node.args[1:2]
        found |= {c.value for c in candidates if isinstance(c, ast.Constant) and isinstance(c.value, str)}
    return {name for name in found if VARIABLE.fullmatch(name)}


def is_environment(node: ast.expr) -> bool:
    """Whether an expression is the environment."""
    return ast.unparse(node) in {"env", "environ", "os.environ"}


def variables_shown(path: Path) -> set[str]:
    """Names that .example.env sets, commented out or not."""
    return set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", path.read_text(), re.M))


def compose_problems(compose: dict[str, Any], known: set[str]) -> list[str]:
    """What is wrong with docker-compose.yml."""
    services: dict[str, Any] = compose["services"]
    problems = [f"docker-compose.yml: no service {name}" for name in sorted(SERVICES - services.keys())]
    profiles = {profile for service in services.values() for profile in service.get("profiles", [])}
    problems += [f"docker-compose.yml: no profile {name}" for name in sorted(PROFILES - profiles)]
    for name, service in services.items():
        if not ("image" in service or "build" in service):
            problems.append(f"docker-compose.yml: {name} has neither image nor build")
        for other in service.get("depends_on", {}):
            if other not in services:
                problems.append(f"docker-compose.yml: {name} depends on {other}, which does not exist")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if not source.startswith(".") and source not in compose.get("volumes", {}):
                problems.append(f"docker-compose.yml: {name} uses volume {source}, which is not declared")
        if "build" in service:
            unread = set(service.get("environment", {})) - known
            problems += [f"docker-compose.yml: {name} sets {v}, which nothing reads" for v in sorted(unread)]
    return problems


def main() -> int:
    """Print what is wrong; returns 1 if anything is."""
    read = variables_read(ROOT / "config.py") | variables_read(ROOT / "gunicorn.conf.py")
    shown = variables_shown(ROOT / ".example.env")
    problems = [f".example.env: {name} is missing, which the code reads" for name in sorted(read - shown)]
    problems += [f".example.env: nothing reads {name}" for name in sorted(shown - read)]
    if not read:
        problems.append("config.py: found no variable; has the way it reads them changed?")
    problems += compose_problems(yaml.safe_load((ROOT / "docker-compose.yml").read_text()), read)
    for workflow in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        if "jobs" not in yaml.safe_load(workflow.read_text()):
            problems.append(f"{workflow.name}: no jobs")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
