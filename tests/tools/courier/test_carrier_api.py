"""The carrier API of the simulator over real HTTP: shapes, limits, and orders that move with time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.courier.statuses import default_plan

if TYPE_CHECKING:
    from tests.support.simulator import Sim

NOW_MS = 1772366400000


def test_an_order_has_the_shape_of_the_api(sim: Sim) -> None:
    sim.create(
        {"ref_no": "A/1 é", "cust_id": "S-9", "rcvr_id": 4, "val_dcl": "1250.50", "status": 9, "plan": []}
    )
    answer = sim.search("A/1 é")
    assert answer.json() == {
        "pl": {
            "orders": [
                {
                    "id": 1,
                    "ref_no": "A/1 é",
                    "status": 9,
                    "cust": {"id": "S-9"},
                    "rcvr": {"id": "4"},
                    "consgt": {"val_dcl": 1250.5},
                    "s_updt": NOW_MS,
                    "documents": [
                        {
                            "template_code": 1,
                            "particulars": {"doc_image": [{"uri": f"{sim.url}/documents/A%2F1%20%C3%A9"}]},
                        }
                    ],
                }
            ]
        }
    }
    document = sim.call("GET", "/documents/A%2F1%20%C3%A9")
    assert document.status_code == 200
    assert "1250.50" in document.text


@pytest.mark.parametrize("text", ["1250.50", "0.10", "12345678901234567.89", "1000000", "-5", "0.005"])
def test_the_declared_value_is_written_digit_by_digit(sim: Sim, text: str) -> None:
    sim.create({"ref_no": "A", "val_dcl": text})
    assert f'"consgt": {{"val_dcl": {text}}}' in sim.search("A").text


def test_unknown_references_are_absent_and_the_others_in_the_order_asked(sim: Sim) -> None:
    sim.create({"ref_no": "A"}, {"ref_no": "B"})
    assert [order["ref_no"] for order in sim.orders("B", "gone", "A", "B")] == ["B", "A"]
    assert sim.orders("gone") == []
    assert sim.orders() == []


def test_more_than_ten_references_are_refused(sim: Sim) -> None:
    assert sim.search(*"abcdefghij").status_code == 200
    assert sim.search(*"abcdefghijk").status_code == 400
    stats = sim.ok("GET", "/sim/stats")
    assert (stats["order_calls"], stats["refs_asked"]) == (2, 10)
    assert (stats["largest_batch"], stats["rejected_calls"]) == (11, 1)
    assert sim.ok("DELETE", "/sim/stats")["order_calls"] == 0


@pytest.mark.parametrize("token", ["", "wrong", "t0ken2", "é"])
def test_a_wrong_token_is_refused(sim: Sim, token: str) -> None:
    sim.create({"ref_no": "A"})
    answer = sim.search("A", token=token.encode())  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert "A" not in answer.json()
    assert sim.ok("GET", "/sim/stats")["unauthorised_calls"] == 1


@pytest.mark.parametrize(
    "body", [None, [], {}, {"pl": 1}, {"pl": {"o_ref_nos": "A"}}, {"pl": {"o_ref_nos": [1]}}]
)
def test_a_malformed_question_is_refused(sim: Sim, body: object) -> None:
    for path in ("/orders/search", "/search/users/suggestions"):
        assert sim.call("POST", path, body, token="t0ken").status_code == 400


def test_orders_move_by_their_plan(sim: Sim) -> None:
    sim.create({"ref_no": "A", "status": 2, "plan": [[100, 21], [10, 3], [50.5, 9]]})
    seen = [(sim.statuses("A")[0], sim.orders("A")[0]["s_updt"] - NOW_MS)]
    for seconds in (9.5, 0.5, 40, 0.5, 1000):
        sim.ok("POST", "/sim/clock", {"seconds": seconds})
        order = sim.orders("A")[0]
        seen.append((order["status"], order["s_updt"] - NOW_MS))
        assert order["eta"] == NOW_MS + 100_000
    assert seen == [(2, 0), (2, 0), (3, 10_000), (3, 10_000), (9, 50_500), (21, 100_000)]


def test_without_a_plan_orders_take_the_usual_way(sim: Sim) -> None:
    sim.create({"ref_no": "new"}, {"ref_no": "moving", "status": 9}, {"ref_no": "gone", "status": 24})
    seen = []
    for seconds in (0, 60, 60, 180):
        sim.ok("POST", "/sim/clock", {"seconds": seconds})
        seen.append(sim.statuses("new", "moving", "gone"))
    assert seen == [[3, 9, 24], [6, 9, 24], [9, 9, 24], [21, 21, 24]]


def test_speed_shortens_the_usual_way() -> None:
    assert default_plan(3, 10) == [(6.0, 6), (12.0, 9), (30.0, 21)]
    assert default_plan(9, 1) == [(300.0, 21)]
    assert default_plan(21, 1) == default_plan(27, 1) == default_plan(None, 1) == default_plan(99, 1) == []


def test_the_directory_is_searched_by_a_part_of_name_or_phone(sim: Sim) -> None:
    people = [
        {"id": 7, "loc_id": "L-1", "name": "Asha Traders", "phone": "+91 98000 11111", "city": "Pune"},
        {"id": 7, "loc_id": "L-2", "name": "Asha Traders", "phone": "+91 98000 11111", "city": "Nashik"},
        {"id": "8", "loc_id": "L-3", "name": "ÉTOILE Asha"},
    ]
    assert sim.ok("POST", "/sim/users", {"users": people}) == {"stored": 3}
    users = sim.people("asha t").json()["pl"]["users"]
    assert users[0] == {
        "id": "7",
        "cntct": {"name": "Asha Traders", "p_mob": "+91 98000 11111"},
        "loc": {"id": "L-1", "addr": {"city": "Pune"}},
    }
    assert [user["loc"]["id"] for user in users] == ["L-1", "L-2"]
    assert [user["id"] for user in sim.people("étoile").json()["pl"]["users"]] == ["8"]
    assert [user["id"] for user in sim.people("98000").json()["pl"]["users"]] == ["7", "7"]
    assert [user["id"] for user in sim.people("asha", s_dir=-1).json()["pl"]["users"]] == ["8", "7", "7"]
    assert sim.people("%").json() == {"pl": {"users": []}}
    sim.ok("POST", "/sim/users", {"users": [{"id": "8", "loc_id": "L-3", "name": "Renamed"}]})
    assert sim.people("étoile").json()["pl"]["users"] == []
