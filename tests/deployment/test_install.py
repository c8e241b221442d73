"""The files of docs/install are what Kubernetes and systemd take, and fit what the application reads and runs."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

import config
from scripts.check_config import variables_read
from tusker.services.credit.importing.large import LARGEST

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ROOT / "docs" / "install"
READ = variables_read(ROOT / "config.py") | variables_read(ROOT / "gunicorn.conf.py")
GRACEFUL = int(re.findall(r"^graceful_timeout = (\d+)", (ROOT / "gunicorn.conf.py").read_text(), re.M)[0])


def objects() -> Iterator[dict[str, Any]]:
    for file in sorted((INSTALL / "kubernetes").glob("*.yaml")):
        yield from yaml.safe_load_all(file.read_text())


OBJECTS = {(found["kind"], found.get("metadata", {}).get("name", "")): found for found in objects()}
PODS = {
    name: found["spec"]["template"]
    for (kind, name), found in OBJECTS.items()
    if kind in {"Deployment", "Job"}
}


@pytest.mark.parametrize("key", [key for key in OBJECTS if key[0] != "Kustomization"], ids="/".join)
def test_kubernetes_takes_it(key: tuple[str, str]) -> None:
    kubernetes_validate.validate(OBJECTS[key], "1.37", strict=True)


def test_parts_are_found_by_their_labels() -> None:
    labels = [pod["metadata"]["labels"] for pod in PODS.values()]
    for (kind, name), found in OBJECTS.items():
        spec = found.get("spec", {})
        selector = spec.get("podSelector") or spec.get("selector") or {}
        wanted = selector.get("matchLabels", selector)
        assert not wanted or sum(wanted.items() <= each.items() for each in labels) == 1, (kind, name)


def test_settings_are_those_that_are_read_and_all_that_production_asks_for() -> None:
    given = OBJECTS["ConfigMap", "tusker"]["data"].keys() | OBJECTS["Secret", "tusker"]["stringData"].keys()
    assert given <= READ
    assert set(config.REQUIRED_IN_PRODUCTION) <= given


@pytest.mark.parametrize("name", PODS)
def test_nothing_runs_as_root_or_writes_where_it_should_not(name: str) -> None:
    pod = PODS[name]["spec"]
    assert pod["securityContext"]["runAsUser"] == int(
        re.findall(r"USER (\d+)", (ROOT / "Dockerfile").read_text())[0]
    )
    for container in pod["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        assert container["resources"]["limits"]["memory"]


def test_the_web_server_may_end_what_it_has_begun() -> None:
    pod = PODS["tusker-web"]["spec"]
    container = pod["containers"][0]
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > GRACEFUL + pause
    assert {container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "startupProbe")} == {
        "/healthz"
    }
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_units_start_what_there_is() -> None:
    units = sorted((INSTALL / "systemd").glob("*.service"))
    assert {unit.stem for unit in units} == {
        f"tusker-{part}" for part in ("web", "worker", "scheduler", "upgrade")
    }
    for unit in units:
        for command in re.findall(r"^ExecStart=(.+)$", unit.read_text(), re.M):
            program, *arguments = command.split()
            assert Path(program).parent == Path("/opt/tusker/.venv/bin")
            assert Path(program).name in {"gunicorn", "flask", "python"}
            assert all((ROOT / word).is_file() for word in arguments if word.endswith(".py"))
    web = configparser.RawConfigParser()
    web.read(INSTALL / "systemd" / "tusker-web.service")
    assert int(web["Service"]["TimeoutStopSec"]) > GRACEFUL


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """With the programs put where they are installed, so that only what is wrong is said."""
    shutil.copytree(INSTALL / "systemd", tmp_path, dirs_exist_ok=True)
    for unit in tmp_path.glob("*.service"):
        unit.write_text(unit.read_text().replace("/opt/tusker/.venv/bin/", f"{ROOT}/.venv/bin/"))
    found = subprocess.run(
        ["systemd-analyze", "verify", *map(str, tmp_path.glob("*.service"))], capture_output=True, text=True
    )
    assert [line for line in found.stderr.splitlines() if "tusker-" in line] == []


def test_proxies_take_the_largest_file_of_invoices() -> None:
    caddy = re.findall(r"max_size (\d+)MiB", (INSTALL / "Caddyfile").read_text())
    nginx = re.findall(r"client_max_body_size\s+(\d+)m", (ROOT / "docs" / "operating.md").read_text())
    ingress = OBJECTS["Ingress", "tusker"]["metadata"]["annotations"][
        "nginx.ingress.kubernetes.io/proxy-body-size"
    ]
    assert {*caddy, *nginx, ingress.removesuffix("m")} == {str(LARGEST // 1024**2 + 1)}
