"""What Prometheus is told, and that the dashboard and the alerts ask for nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import yaml

from tests.support import running
from tests.support.running import until
from tools.local.servers import LocalServers

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "docs" / "monitoring"
UNTIL_IT_HAPPENS = {
    "tusker_proof_differences",
    "tusker_proof_age_seconds",
    "tusker_daily_job_late_seconds",
} | {
    f"tusker_{name}" for name in ("polls_due", "poll_lag_seconds", "carrier_shut", "carrier_failures", "owed")
}
"""Told once there is a proof, a late job, a shipment, a loan."""
UNTIL_IT_HAPPENS |= {"tusker_jobs", "tusker_job_seconds", "tusker_invoices", "tusker_principal"}
UNTIL_IT_HAPPENS |= {"tusker_requests_last_hour"}


def names_in(text: str) -> set[str]:
    """The figures that an expression asks for."""
    return {
        re.sub(r"_(total|bucket|sum|count)$", "", name) for name in re.findall(r"\btusker_[a-z_]+\b", text)
    }


def asked_for() -> set[str]:
    """The figures of the dashboard and of all alerts, each of which says what to do."""
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
    for rule in rules:
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["annotations"].keys() == {"summary", "action"}
    panels = json.loads((MONITORING / "grafana.json").read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    assert all(text.count("(") == text.count(")") for text in expressions)
    return names_in(" ".join([rule["expr"] for rule in rules] + expressions))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")
def test_promtool_takes_the_alerts() -> None:
    done = subprocess.run(
        ["promtool", "check", "rules", str(MONITORING / "alerts.yml")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


SERVES = """
import glob, sys
from urllib.request import urlopen
from tusker.watching import metrics
print(len(glob.glob(sys.argv[1] + "/*")))
metrics.note_job("before", "finished", 1)
metrics.serve(sys.argv[2], "web")
metrics.serve(sys.argv[2], "web")
metrics.note_job("after", "finished", 1)
print(len(glob.glob(sys.argv[1] + "/*")))
said = urlopen(f"http://{sys.argv[2]}/metrics").read().decode()
print('job="after"' in said, 'job="before"' in said)
"""


def test_a_taken_port_is_not_fatal_and_the_folder_goes_with_its_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SERVES, str(tmp_path), f"[::1]:{running.free_port()}"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["0", "1", "True", "False"], done.stderr
    assert "no figures of this web for Prometheus" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.stack
def test_web_and_scheduler_tell_what_dashboard_and_alerts_ask_for(
    servers: LocalServers, tmp_path: Path
) -> None:
    ports = {part: running.free_port() for part in ("site", "web")}
    ports["scheduler"] = ports["web"] + 2
    site = f"http://127.0.0.1:{ports['site']}"
    environ = running.environment(
        running.new_database(servers.database_url, "tusker_monitored"),
        servers.redis_url,
        running.SIGNALS,
        tmp_path,
        PORT=str(ports["site"]),
        BASE_URL=site,
    )
    running.flask(environ, "db", "upgrade")
    environ["METRICS_BIND"] = f"127.0.0.1:{ports['web']}"
    web, scheduler = running.web(environ, tmp_path), running.scheduler(environ, tmp_path)
    try:
        until(lambda: running.answers(f"{site}/readyz"), 60, what="the web server's answer")
        told = {}
        for part in ("web", "scheduler"):
            address = f"http://127.0.0.1:{ports[part]}/metrics"
            until(lambda address=address: running.answers(address), 60, what=f"figures of {part}")  # type: ignore[misc]
            told[part] = requests.get(address, timeout=30).text
    finally:
        web.stop()
        scheduler.stop()
    assert re.search(
        r'tusker_http_requests_total\{method="GET",route="/readyz",status="200"\} \d', told["web"]
    )
    assert re.search(r'tusker_http_statements_sum\{route="/readyz"\} [1-9]', told["web"])
    assert "tusker_database_up 1.0" in told["scheduler"]
    found = names_in(" ".join(told.values()))
    assert asked_for() - found <= UNTIL_IT_HAPPENS
    code = " ".join(
        (ROOT / name).read_text()
        for name in ("tusker/queries/record/gauges.py", "tusker/watching/metrics.py")
    )
    for name in UNTIL_IT_HAPPENS:
        assert f'"{name}"' in code or f'"{name.removeprefix("tusker_")}"' in code
