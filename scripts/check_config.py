"""Check that configuration and deployment files agree (part of make check).

* every variable that config.py, gunicorn.conf.py or docker-compose.yml reads stands in .example.env, and nothing else
  does; docs/operating.md lists the same ones, and marks those with * that production asks for;
* docker-compose.yml keeps what it promises: see `compose_problems`;
* pre-commit runs the tools that make check runs;
* the workflow is well-formed.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
SERVICES = {"web", "worker", "scheduler", "postgres", "redis", "courier", "migrate"}
PROFILES = {"dev", "test", "tls"}
ASKED_FOR_HEALTH = {"web", "worker", "scheduler", "postgres", "redis", "courier"}
HAVE_DEFAULTS = {"ENVIRONMENT", "BIND", "PORT"}
"""All that docker-compose.yml itself may give a default: neither addresses nor secrets."""
OF_THIS_MACHINE = ("127.0.0.1:", "${BIND:-127.0.0.1}:")
"""Where docker-compose.yml may publish a port: nobody else reaches it unless the operator says so."""
IN_FRONT = "tls"
"""The profile of the proxy, which everybody is to reach."""
OF_COMPOSE = {"DATABASE_URL", "REDIS_URL"}
"""Required in production, and set by docker-compose.yml, whose servers they are."""
OF_THE_IMAGE = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_HOST_AUTH_METHOD", "PGDATA"}
"""Read by the image of PostgreSQL and by nothing of ours."""
OF_GUNICORN = {"SERVER_SOFTWARE"}
"""Set by gunicorn for what it loads."""
DEVELOPMENT = "docker/${ENVIRONMENT:-DEVELOPMENT}.env"
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{2,}")
INTERPOLATED = re.compile(r"\$\{([A-Z_]+)(?::?[-?+]([^}]*))?}")


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


def required_in_production(path: Path) -> set[str]:
    """The names in config.py's REQUIRED_IN_PRODUCTION."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "REQUIRED_IN_PRODUCTION":
            return set(ast.literal_eval(node.value))
    return set()


def variables_set(path: Path) -> set[str]:
    """Names that a file of variables sets, commented out or not."""
    return set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", path.read_text(), re.M))


def variables_listed(path: Path) -> dict[str, bool]:
    """The names in the first column of a page's table of variables, and whether each is marked with *."""
    rows = re.findall(r"^\| (`[A-Z].*?) \|", path.read_text(), re.M)
    return {name: bool(star) for row in rows for name, star in re.findall(r"`([A-Z0-9_]+)`( \*)?", row)}


def compose_problems(compose: dict[str, Any], read: set[str], required: set[str]) -> Iterator[str]:
    """What is wrong with docker-compose.yml, given the variables that are read and those that production asks for.

    One service builds the image and the others wait for it; PostgreSQL is asked over TCP whether it answers; every
    part has a health check; what production asks for has no default outside a profile.
    """
    services: dict[str, Any] = compose["services"]
    yield from (f"no service {name}" for name in sorted(SERVICES - services.keys()))
    profiles = {profile for service in services.values() for profile in service.get("profiles", [])}
    yield from (f"no profile {name}" for name in sorted(PROFILES - profiles))
    builders = [name for name, service in services.items() if "build" in service]
    if len(builders) != 1:
        yield f"one service builds the image and the others use it; here {builders or 'none'} build"
        return
    image = services[builders[0]]["image"]
    for name, service in services.items():
        yield from (f"{name}: {problem}" for problem in service_problems(name, service, compose))
        if service.get("image") == image:
            yield from (f"{name}: {p}" for p in app_problems(name, service, builders[0], read, required))
        if "profiles" not in service:
            yield from (f"{name}: {problem}" for problem in default_problems(service))
    if services.get("courier", {}).get("profiles") != ["dev"]:
        yield "courier: a simulator belongs into the profile dev"


def service_problems(name: str, service: dict[str, Any], compose: dict[str, Any]) -> Iterator[str]:
    """What is wrong with any service."""
    if not ("image" in service or "build" in service):
        yield "has neither image nor build"
    for other in service.get("depends_on", {}):
        if other not in compose["services"]:
            yield f"depends on {other}, which does not exist"
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if not source.startswith(".") and source not in compose.get("volumes", {}):
            yield f"uses volume {source}, which is not declared"
    for port in service.get("ports", []):
        if not str(port).startswith(OF_THIS_MACHINE) and service.get("profiles") != [IN_FRONT]:
            yield f"publishes {port} on all addresses of the machine"
    question = service.get("healthcheck", {}).get("test", [])
    if not question and name in ASKED_FOR_HEALTH:
        yield "has no health check"
    if "pg_isready" in " ".join(question) and "-h 127.0.0.1" not in " ".join(question):
        yield "the server that sets the database up answers on the socket: pg_isready needs -h 127.0.0.1"


def app_problems(
    name: str, service: dict[str, Any], builder: str, read: set[str], required: set[str]
) -> Iterator[str]:
    """What is wrong with a service that runs our image."""
    if name != builder and builder not in service.get("depends_on", {}):
        yield f"runs the image and does not wait for {builder}, which builds it"
    if service.get("pull_policy") != "never":
        yield "must not take an image of this name from a registry: pull_policy is not never"
    unread = set(service.get("environment", {})) - read
    yield from (f"sets {variable}, which nothing reads" for variable in sorted(unread))
    if "profiles" not in service:
        given = (required - OF_COMPOSE) & set(service.get("environment", {}))
        yield from (f"sets {variable}, which production asks for" for variable in sorted(given))
    if {"path": DEVELOPMENT, "required": False} not in service.get("env_file", []):
        yield f"does not read {DEVELOPMENT}"


def default_problems(service: dict[str, Any]) -> Iterator[str]:
    """Defaults and passwords that would be used in production too."""
    for variable, default in INTERPOLATED.findall(yaml.safe_dump(service)):
        if default and variable not in HAVE_DEFAULTS:
            yield f"{variable} has the default {default}, in production too"
    for variable, value in service.get("environment", {}).items():
        if re.search("PASSWORD|SECRET|TOKEN", variable) and INTERPOLATED.sub("", str(value)):
            yield f"{variable} is written into the file"


def hook_problems(makefile: str, hooks: dict[str, Any]) -> Iterator[str]:
    """Tools that only one of make check and pre-commit runs."""
    recipes = re.findall(
        r"^(?:check|lint|types|floors|documents|revisions):.*\n((?:\t.*\n)+)", makefile, re.M
    )
    commands = re.findall(r"^\t\$\(BIN\)/(.+)$", "".join(recipes), re.M)
    entries = [hook["entry"] for repo in hooks["repos"] for hook in repo["hooks"]]
    made, hooked = {_tool(c) for c in commands}, {_tool(e.removeprefix(".venv/bin/")) for e in entries}
    yield from (f"{tool} is not run, as make check does" for tool in sorted(made - hooked))
    yield from (f"make check does not run {tool}" for tool in sorted(hooked - made))


def _tool(command: str) -> str:
    """A command without its options: `ruff check`, `python scripts/check_docs.py`."""
    return " ".join(word for word in command.split()[:2] if not word.startswith("-"))


def main() -> int:
    """Print what is wrong; returns 1 if anything is."""
    configured = variables_read(ROOT / "config.py") - OF_GUNICORN
    required = required_in_production(ROOT / "config.py")
    compose_text = (ROOT / "docker-compose.yml").read_text()
    interpolated = {name for name, _ in INTERPOLATED.findall(compose_text)}
    read = configured | variables_read(ROOT / "gunicorn.conf.py") | interpolated
    shown = variables_set(ROOT / ".example.env")
    listed = variables_listed(ROOT / "docs" / "operating.md")
    problems = [f".example.env: {name} is missing, which is read" for name in sorted(read - shown)]
    problems += [f".example.env: nothing reads {name}" for name in sorted(shown - read)]
    problems += [f"docs/operating.md: {name} is not listed" for name in sorted(read - listed.keys())]
    problems += [f"docs/operating.md: nothing reads {name}" for name in sorted(listed.keys() - read)]
    starred = {name for name, star in listed.items() if star}
    problems += [
        f"docs/operating.md: {name} has a * too many or too few" for name in sorted(starred ^ required)
    ]
    if not (configured and required):
        problems.append("config.py: found no variable; has the way it reads them changed?")
    for file in sorted((ROOT / "docker").iterdir()):
        if file.name != "DEVELOPMENT.env":
            problems.append(f"docker/{file.name}: only development has settings of its own there")
    unread = variables_set(ROOT / "docker" / "DEVELOPMENT.env") - read - OF_THE_IMAGE
    problems += [f"docker/DEVELOPMENT.env: nothing reads {name}" for name in sorted(unread)]
    problems += [
        f"docker-compose.yml: {p}" for p in compose_problems(yaml.safe_load(compose_text), read, required)
    ]
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    problems += [
        f".pre-commit-config.yaml: {p}" for p in hook_problems((ROOT / "Makefile").read_text(), hooks)
    ]
    for workflow in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        if "jobs" not in yaml.safe_load(workflow.read_text()):
            problems.append(f"{workflow.name}: no jobs")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
