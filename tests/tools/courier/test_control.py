"""Control endpoints, faults, pages and the program itself, over real HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tools.courier.store import NewOrder, Person, Store

if TYPE_CHECKING:
    from tests.support.simulator import Sim


def test_replacing_an_order_keeps_its_id_and_starts_its_plan_anew(sim: Sim) -> None:
    sim.create({"ref_no": "A", "val_dcl": "5"}, {"ref_no": "B"})
    sim.ok("POST", "/sim/clock", {"seconds": 1000})
    sim.create({"ref_no": "A", "val_dcl": "6", "cust_id": "S"})
    order = sim.orders("A")[0]
    assert (order["id"], order["status"], order["consgt"], order["cust"]) == (
        1,
        3,
        {"val_dcl": 6},
        {"id": "S"},
    )
    sim.ok("POST", "/sim/clock", {"seconds": 60})
    assert sim.statuses("A", "B") == [6, 21]


def test_setting_a_status_drops_the_steps_that_would_lead_back(sim: Sim) -> None:
    sim.create(*({"ref_no": ref} for ref in "ABCD"))
    assert sim.ok("POST", "/sim/orders/A/status", {"status": 9})["status"] == 9
    sim.ok("POST", "/sim/orders/B/status", {"status": 24})
    sim.ok("POST", "/sim/orders/C/status", {"status": None})
    sim.ok("POST", "/sim/orders/D/status", {"status": 99})
    assert sim.statuses(*"ABCD") == [9, 24, None, 99]
    sim.ok("POST", "/sim/clock", {"seconds": 60})
    assert sim.statuses(*"ABCD") == [9, 24, None, 99]
    sim.ok("POST", "/sim/clock", {"seconds": 1000})
    assert sim.statuses(*"ABCD") == [21, 24, None, 99]


def test_an_order_with_a_slash_can_be_moved(sim: Sim) -> None:
    sim.create({"ref_no": "A/1"})
    assert sim.ok("POST", "/sim/orders/A%2F1/status", {"status": 21})["ref_no"] == "A/1"
    assert sim.call("POST", "/sim/orders/gone/status", {"status": 21}).status_code == 404


def test_an_order_can_have_been_in_its_status_for_long(sim: Sim) -> None:
    sim.create({"ref_no": "OLD", "status": 21, "s_updt": 1_700_000_000_123, "plan": []}, {"ref_no": "NEW"})
    updated = {o["ref_no"]: o["s_updt"] for o in sim.ok("GET", "/sim/orders")["orders"]}
    assert updated["OLD"] == 1_700_000_000_123
    assert updated["NEW"] > updated["OLD"]


def test_orders_are_listed_filtered_and_counted(sim: Sim) -> None:
    sim.create(*({"ref_no": f"R{n}", "cust_id": str(n % 2), "status": 9 if n < 3 else 21} for n in range(10)))

    def listed(query: str) -> tuple[list[str], int]:
        answer = sim.ok("GET", f"/sim/orders?{query}")
        return [order["ref_no"] for order in answer["orders"]], answer["total"]

    assert listed("limit=2&offset=1") == (["R8", "R7"], 10)
    assert listed("status=9") == (["R2", "R1", "R0"], 3)
    assert listed("status=9&cust_id=1") == (["R1"], 1)
    assert listed("ref=r7") == (["R7"], 1)
    assert listed("ref=%25") == ([], 0)


BAD_ORDERS: list[tuple[object, str]] = [
    ([], "JSON object"),
    ({}, "orders must be a list"),
    ({"orders": [1]}, "orders must be a list"),
    ({"orders": [{"ref_no": "A"}, {}]}, r"orders\[1\]: ref_no"),
    ({"orders": [{"ref_no": " "}]}, "ref_no"),
    ({"orders": [{"ref_no": "\ud800"}]}, "ref_no"),
    ({"orders": [{"ref_no": "A", "cust_id": {}}]}, "cust_id"),
    ({"orders": [{"ref_no": "A", "val_dcl": 5}]}, "val_dcl"),
    ({"orders": [{"ref_no": "A", "val_dcl": "1,5"}]}, "val_dcl"),
    ({"orders": [{"ref_no": "A", "val_dcl": "NaN"}]}, "val_dcl"),
    ({"orders": [{"ref_no": "A", "status": "3"}]}, "status"),
    ({"orders": [{"ref_no": "A", "status": True}]}, "status"),
    ({"orders": [{"ref_no": "A", "plan": "x"}]}, "plan"),
    ({"orders": [{"ref_no": "A", "plan": [[1]]}]}, "plan"),
    ({"orders": [{"ref_no": "A", "plan": [[-1, 3]]}]}, "plan"),
    ({"orders": [{"ref_no": "A", "plan": [[1, None]]}]}, "plan"),
    ({"orders": [{"ref_no": "A", "s_updt": "today"}]}, "s_updt"),
]


@pytest.mark.parametrize(("body", "named"), BAD_ORDERS)
def test_bad_orders_are_named_and_nothing_is_stored(sim: Sim, body: object, named: str) -> None:
    answer = sim.call("POST", "/sim/orders", body)
    assert answer.status_code == 400
    assert re.search(named, answer.json()["error"])
    assert sim.ok("GET", "/sim/orders")["total"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/sim/users", {"users": [{"id": "1", "name": "x"}]}),
        ("POST", "/sim/clock", {"seconds": -1}),
        ("POST", "/sim/clock", {"seconds": "5"}),
        ("POST", "/sim/clock", {}),
        ("POST", "/sim/faults", {"fault": "meteor"}),
        ("POST", "/sim/faults", {"fault": "500", "calls": 0}),
        ("POST", "/sim/faults", {}),
        ("POST", "/sim/orders/A/status", {}),
        ("POST", "/sim/orders/A/status", {"status": "21"}),
        ("GET", "/sim/orders?status=x", None),
        ("GET", "/sim/orders?limit=-1", None),
        ("GET", "/?status=x", None),
    ],
)
def test_other_bad_requests_are_refused(sim: Sim, method: str, path: str, body: object) -> None:
    assert sim.call(method, path, body).status_code == 400


def test_what_is_not_there_is_not_found(sim: Sim) -> None:
    assert sim.ok("GET", "/healthz") == {"status": "ok"}
    for method, path in (
        ("GET", "/nothing"),
        ("GET", "/orders/search"),
        ("POST", "/healthz"),
        ("GET", "/documents/x"),
    ):
        assert sim.call(method, path).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", f"/sim/{what}") for what in ("orders", "clock", "faults", "webhook", "stats")),
        *(
            ("POST", f"/sim/{what}")
            for what in ("orders", "orders/A/status", "users", "clock", "faults", "webhook")
        ),
        *(("DELETE", f"/sim/{what}") for what in ("faults", "webhook", "stats")),
    ],
)
def test_the_control_needs_the_token(sim: Sim, method: str, path: str) -> None:
    sim.create({"ref_no": "A", "plan": []})
    bodies: dict[str, object] = {
        "/sim/orders": {"orders": [{"ref_no": "B"}]},
        "/sim/orders/A/status": {"status": 21},
        "/sim/users": {"users": []},
        "/sim/clock": {"seconds": 9},
        "/sim/faults": {"fault": "500"},
        "/sim/webhook": {"url": "http://127.0.0.1:1", "secret": "s"},
    }
    for wrong in ("", "t0ke", "t0ken2"):
        assert sim.call(method, path, bodies.get(path), token=wrong).status_code == 401
    assert sim.ok("GET", "/sim/orders")["total"] == 1
    assert sim.statuses("A") == [3]
    assert (sim.ok("GET", "/sim/faults"), sim.ok("GET", "/sim/webhook")["url"]) == ({"faults": []}, None)
    assert sim.call(method, path, bodies.get(path)).status_code in (200, 201)


# --- faults ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ("500", 500, "wrong"),
        ("503", 503, "maintenance"),
        ("401", 401, "LM_PA_TOKEN"),
        ("html", 200, "<!doctype html>"),
        ("truncated", 200, '{"pl": {"orders": [{"id": 1'),
    ],
)
def test_a_fault_replaces_the_answer_of_the_next_calls(sim: Sim, fault: str, status: int, text: str) -> None:
    sim.create({"ref_no": "A"})
    sim.ok("POST", "/sim/faults", {"fault": fault, "calls": 2})
    for left in (1, 0):
        answer = sim.search("A")
        assert answer.status_code == status
        assert text in answer.text
        assert sum(each["calls"] for each in sim.ok("GET", "/sim/faults")["faults"]) == left
    assert sim.statuses("A") == [3]
    assert sim.ok("GET", "/sim/stats")["faults_served"] == 2


def test_a_truncated_answer_is_not_json(sim: Sim) -> None:
    sim.ok("POST", "/sim/faults", {"fault": "truncated"})
    with pytest.raises(json.JSONDecodeError):
        json.loads(sim.search("A").text)


@pytest.mark.parametrize(
    ("fault", "expected"), [("unknown_status", 99), ("null_status", None), ("empty_status", "")]
)
def test_a_status_that_nobody_knows(sim: Sim, fault: str, expected: object) -> None:
    sim.create({"ref_no": "A"})
    sim.ok("POST", "/sim/faults", {"faults": [{"fault": fault}]})
    assert sim.statuses("A") == [expected]
    assert sim.statuses("A") == [3]


def test_throttling_redirect_and_size(sim: Sim) -> None:
    sim.ok(
        "POST",
        "/sim/faults",
        {"faults": [{"fault": "429", "seconds": 7}, {"fault": "redirect"}, {"fault": "huge"}]},
    )
    throttled, redirected, huge = sim.search("A"), sim.search("A"), sim.people("x")
    assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "7")
    assert redirected.status_code == 302
    assert redirected.headers["Location"].startswith("http://169.254.169.254/")
    assert len(huge.content) > 50 * 1024 * 1024


def test_a_connection_dropped_in_the_middle(sim: Sim) -> None:
    sim.ok("POST", "/sim/faults", {"fault": "cut"})
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        sim.search("A")


def test_silence_ends_without_an_answer(sim: Sim) -> None:
    sim.ok("POST", "/sim/faults", {"fault": "timeout", "seconds": 0})
    with pytest.raises(requests.exceptions.ConnectionError):
        sim.search("A")


def test_a_drip_brings_the_whole_answer_in_the_end(sim: Sim) -> None:
    sim.create({"ref_no": "A"})
    sim.ok("POST", "/sim/faults", {"fault": "slow_drip", "seconds": 0})
    assert sim.statuses("A") == [3]


def test_faults_can_be_called_off_and_leave_the_control_alone(sim: Sim) -> None:
    sim.ok("POST", "/sim/faults", {"fault": "500", "calls": 9})
    assert sim.ok("GET", "/sim/orders")["total"] == 0
    assert sim.ok("DELETE", "/sim/faults") == {"faults": []}
    assert sim.search("A").status_code == 200


# --- many and concurrent ---------------------------------------------------------------------------------


def test_ten_thousand_orders(sim: Sim) -> None:
    sim.create(*({"ref_no": f"R{n}", "val_dcl": "10.00", "plan": [[n, 21]]} for n in range(10_000)))
    sim.ok("POST", "/sim/clock", {"seconds": 4_999})
    assert sim.ok("GET", "/sim/orders?status=21&limit=0")["total"] == 5_000
    assert sim.statuses("R0", "R4999", "R5000", "R9999") == [21, 21, 3, 3]


def test_many_clients_at_once(sim: Sim) -> None:
    sim.create(*({"ref_no": f"R{n}"} for n in range(80)))

    def work(n: int) -> list[Any]:
        mine = type(sim)(sim.url)
        mine.ok("POST", f"/sim/orders/R{n}/status", {"status": 21})
        return mine.statuses(f"R{n}")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(80))) == [[21]] * 80
    assert sim.ok("GET", "/sim/stats")["order_calls"] == 80


# --- pages -----------------------------------------------------------------------------------------------


def press(sim: Sim, page: str, button: str) -> requests.Response:
    """Press the first button of this text as a browser without scripts would."""
    found = re.search(
        rf'action="([^"]+)">((?!</form>).)*?name="(\w+)" value="(\w+)">{re.escape(button)}<', page
    )
    assert found, f"no button {button}"
    return send(sim, found[1].replace("&amp;", "&"), **{found[3]: found[4]})


def send(
    sim: Sim, path: str, *, headers: Mapping[str, str] | None = None, **fields: str
) -> requests.Response:
    """Send a form as a browser does."""
    return sim.session.post(sim.url + path, fields, headers=headers, timeout=10, allow_redirects=False)


def test_a_newcomer_presses_deliver(sim: Sim) -> None:
    sim.create({"ref_no": "A/1&<b>", "val_dcl": "1250.50", "plan": []})
    page = sim.call("GET", "/?ref=A/1").text
    assert "A/1&amp;&lt;b&gt;" in page
    assert "<b>" not in page
    answer = press(sim, page, "Picked up")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/?ref=A%2F1&page=1")
    assert sim.statuses("A/1&<b>") == [6]
    press(sim, sim.call("GET", "/").text, "Deliver")
    assert sim.statuses("A/1&<b>") == [21]
    page = sim.call("GET", "/").text
    assert "delivered" in page
    assert ">Deliver<" not in page


def test_a_newcomer_skips_an_hour(sim: Sim) -> None:
    sim.create({"ref_no": "A"})
    page = sim.call("GET", "/").text
    assert "01 Mar 2026 12:00:00" in page
    assert press(sim, page, "+ 1 hour").status_code == 303
    assert "01 Mar 2026 13:00:00" in sim.call("GET", "/").text
    assert sim.statuses("A") == [21]


def test_a_newcomer_places_an_order(sim: Sim) -> None:
    assert "New order" not in sim.call("GET", "/").text  # nobody is known yet
    sim.create(
        {"ref_no": "A", "cust_id": "C-2", "rcvr_id": "L-9", "val_dcl": "1"},
        {"ref_no": "B", "cust_id": "C-1", "rcvr_id": "L-1", "val_dcl": "1"},
    )
    person = {"id": "C-1", "loc_id": "L-9", "name": "Asha & Co", "city": "Pune"}
    sim.ok("POST", "/sim/users", {"users": [person]})
    page = sim.call("GET", "/").text
    assert '<option value="C-1" selected>Asha &amp; Co</option><option value="C-2">C-2</option>' in page
    assert '<option value="L-9">Asha &amp; Co, Pune</option><option value="L-1" selected>L-1</option>' in page
    answer = send(sim, "/orders", supplier="C-1", purchaser="L-9", value="1,25,000.50")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/?made=ORD-3")
    assert "<strong>ORD-3</strong> is placed" in sim.call("GET", answer.headers["Location"]).text
    sim.ok("POST", "/sim/clock", {"seconds": 86400})
    (order,) = sim.orders("ORD-3")
    assert (order["status"], order["cust"], order["rcvr"]) == (3, {"id": "C-1"}, {"id": "L-9"})
    assert order["consgt"] == {"val_dcl": 125000.5}
    sim.create({"ref_no": "ORD-4"})
    assert (
        send(sim, "/orders", supplier="C-1", purchaser="L-9", value="5").headers["Location"].endswith("ORD-5")
    )


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        *(
            ({"value": value}, "The value")
            for value in ("", "0", "0.00", "-5", "1.234", "x", "1e5", "9" * 13)
        ),
        ({"supplier": "C-2"}, "Choose a supplier"),
        ({"purchaser": "C-1"}, "Choose a supplier"),
        ({"purchaser": ""}, "Choose a supplier"),
    ],
)
def test_a_wrong_order_is_explained_and_what_was_typed_stays(
    sim: Sim, wrong: dict[str, str], named: str
) -> None:
    sim.create(*({"ref_no": f"R{n}", "cust_id": "C-1", "rcvr_id": f"L-{n}"} for n in range(3)))
    typed = {"supplier": "C-1", "purchaser": "L-1", "value": "77.25", **wrong}
    answer = send(sim, "/orders", **typed)
    assert answer.status_code == 422
    assert named in answer.text
    assert f'name="value" value="{typed["value"]}"' in answer.text
    if "purchaser" not in wrong:
        assert '<option value="L-1" selected>' in answer.text
    assert sim.ok("GET", "/sim/orders")["total"] == 3


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:8000"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
    ],
)
def test_another_sites_page_moves_and_places_nothing(sim: Sim, headers: dict[str, str]) -> None:
    sim.create({"ref_no": "A", "cust_id": "C", "rcvr_id": "L", "plan": []})
    for path, fields in (
        ("/orders/A/move", {"status": "21"}),
        ("/orders", {"supplier": "C", "purchaser": "L", "value": "5"}),
        ("/skip-time", {"seconds": "3600"}),
    ):
        assert send(sim, path, headers=headers, **fields).status_code == 403
        own = {"Origin": sim.url} if "Sec-Fetch-Site" not in headers else {"Sec-Fetch-Site": "same-origin"}
        assert send(sim, path, headers=own, **fields).status_code == 303
    assert "frame-ancestors 'none'" in sim.call("GET", "/").headers["Content-Security-Policy"]


def test_the_list_is_paged(sim: Sim) -> None:
    sim.create(*({"ref_no": f"R{n:03}"} for n in range(120)))
    first, last = sim.call("GET", "/").text, sim.call("GET", "/?page=3").text
    assert ("R119" in first, "R069" in first, "Older" in first, "Newer" in first) == (
        True,
        False,
        True,
        False,
    )
    assert ("R019" in last, "R000" in last, "Older" in last, "Newer" in last) == (True, True, False, True)
    assert sim.call("GET", "/style.css").headers["Content-Type"].startswith("text/css")


# --- state and program -----------------------------------------------------------------------------------


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "courier.sqlite3"
    store = Store(path, clock=lambda: 1000.0)
    store.put_orders([NewOrder("A", "S", "L", "1.10", 3, [(60.0, 6), (90.0, 21)])])
    store.put_people([Person("7", "L", "Asha", "", "")])
    store.advance(60.0)
    store.close()
    again = Store(path, clock=lambda: 1010.0)
    assert again.now() == 1070.0
    order = again.find(["A"])[0]
    assert (order.status, order.val_dcl, order.changed_at) == (6, "1.10", 1060.0)
    assert [person.name for person in again.search_people("ash")] == ["Asha"]
    again.advance(20.0)
    assert again.find(["A"])[0].status == 21
    again.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_serves_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    command = [
        sys.executable,
        "-m",
        "tools.courier",
        "--port",
        "0",
        "--state",
        str(tmp_path / "c.sqlite3"),
    ]
    environment = {**os.environ, "TUSKER_CARRIER_TOKEN": "from-env", "LOG_LEVEL": "info"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as program:
        assert program.stderr
        found = re.search(r"courier simulator on (http://\S+)", program.stderr.readline())
        assert found
        answer = requests.post(
            f"{found[1]}/orders/search",
            json={"pl": {"o_ref_nos": ["A"]}},
            headers={"LM_PA_TOKEN": "from-env"},
            timeout=10,
        )
        assert answer.json() == {"pl": {"orders": []}}
        program.send_signal(number)
        assert program.wait(10) == 0
        rest = program.stderr.read()
    assert "Traceback" not in rest
    assert "from-env" not in rest


def test_the_program_serves_on_a_socket_of_its_parents() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [sys.executable, "-m", "tools.courier", "--token", "t", "--fd", str(listening.fileno())]
        with subprocess.Popen(command, pass_fds=[listening.fileno()]) as program:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            assert requests.get(f"{url}/healthz", timeout=30).json() == {"status": "ok"}
            program.terminate()
            assert program.wait(10) == 0


def test_a_taken_port_is_said_plainly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said = run_courier("--token", "t", "--port", port)
    assert code == 1
    assert re.fullmatch(rf"tools.courier: cannot listen on 127.0.0.1:{port}: .*in use.*\n", said)


@pytest.mark.parametrize(
    ("arguments", "named"), [([], "--token"), (["--token", "t", "--speed", "0"], "--speed")]
)
def test_a_wrong_command_line_is_explained(arguments: list[str], named: str) -> None:
    code, said = run_courier(*arguments)
    assert code == 2
    assert named in said


def run_courier(*arguments: str) -> tuple[int, str]:
    """Run the program to its end; its code and what it said."""
    environment = {name: value for name, value in os.environ.items() if name != "TUSKER_CARRIER_TOKEN"}
    done = subprocess.run(
        [sys.executable, "-m", "tools.courier", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stderr
