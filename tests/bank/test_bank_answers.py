"""The bank's answer to a payment order (pain.002): rejected payouts fail with its reason, accepted ones are marked."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.camt import payment_of
from tests.support.movements import WRITERS, Movement
from tests.support.pain002 import Said, pain002
from tests.support.payment_orders import schema_of
from tests.support.threads import in_threads
from tests.support.values import TODAY
from tusker.bankfiles.formats import Reading
from tusker.bankfiles.payments.pain002 import read_pain002
from tusker.errors import Conflict, UnreadableFile
from tusker.extensions import db
from tusker.models import Disbursal, Event, PaymentReport, Role, StatementEntry
from tusker.queries.record.proof import prove
from tusker.services.bank.file import read_answer
from tusker.services.context import Context
from tusker.services.payout.release.payment_orders import take_payment_order
from tusker.services.payout.settlement.bank_answers import AnswerResult, take_answer
from tusker.services.payout.settlement.rejection import reinstate_payout
from tusker.transactions import transaction

Take = Callable[..., AnswerResult]
READING = Reading("INR", 2)


@pytest.fixture
def take(ctx: Context) -> Take:
    """Apply the bytes of an answer."""

    def call(data: bytes) -> AnswerResult:
        answer = read_answer(data)
        assert answer is not None
        with transaction():
            return take_answer(ctx, answer, digest=hashlib.sha256(data).hexdigest(), file_name="answer.xml")

    return call


def _states(disbursal: Disbursal) -> list[tuple[str, str | None, str | None]]:
    db.session.rollback()
    return [(payout.state, payout.bank_status, payout.reason) for payout in disbursal.payouts]


def _invoices(disbursal: Disbursal) -> list[str]:
    return [line.invoice.status for line in disbursal.lines]


def test_one_payment_is_rejected_with_the_banks_reason_and_the_other_accepted(
    take: Take, released: Disbursal
) -> None:
    good, bad = released.payouts
    data = pain002(
        released.reference,
        Said(good.reference, "ACSP", amount=good.net),
        Said(bad.reference, "RJCT", "AC04", "no such account"),
        group="PART",
    )
    result = take(data)
    reason = "AC04 closed account: no such account"
    assert (result.accepted, result.rejected) == ({good.reference: "ACSP"}, {bad.reference: reason})
    assert _states(released) == [("instructed", "ACSP", None), ("rejected", "RJCT", reason)]
    assert sorted(_invoices(released)) == ["bundled", "bundled", "financeable"]
    kinds = {event.kind: event.reason for event in db.session.query(Event).filter_by(subject="disbursal")}
    assert kinds["payout_rejected"] == f"{bad.reference}: {reason}"
    assert kinds["payout_answered"] == f"{good.reference}: ACSP being settled"
    assert kinds["bank_answered"] == "R-1"
    assert prove().holds


@pytest.mark.parametrize("version", ["03", "12"])
def test_answers_as_the_schema_has_them_are_read(version: str) -> None:
    one = Said("P-1-1", "ACSP", amount=5_00, number="HDFCN12026030212345678")
    two = Said("P-1-2", "RJCT", "AC04", "no such account")
    data = pain002("D-1", one, two, group="PART", version=version)
    schema_of(f"pain.002.001.{version}").validate(data.decode())
    read = read_pain002(data, READING)
    assert read.format == f"pain.002.001.{version}"
    assert [(said.reference, said.status, said.amount, said.number) for said in read.payments] == [
        ("P-1-1", "ACSP", 5_00, "HDFCN12026030212345678"),
        ("P-1-2", "RJCT", None, ""),
    ]
    whole = pain002("D-1", group="RJCT", code="AM04", version=version)
    schema_of(f"pain.002.001.{version}").validate(whole.decode())
    assert read_pain002(whole, READING).status == "RJCT"


UTR = "HDFCR52026030212345678"


@pytest.mark.parametrize(
    ("changes", "state", "note"),
    [
        ({}, "confirmed", "P-1-"),
        ({"amount": -5_90}, "instructed", "the bank booked another amount"),
        ({"text": "RTGS DR-DEMO0000001-SOMEBODY-HDFCR52026030299999999"}, "instructed", "No payout fits it."),
        ({"amount": 1_00}, "instructed", "does not say that it came back"),
    ],
)
def test_a_debit_that_names_the_number_of_the_banks_answer_confirms_the_payout(
    take: Take,
    released: Disbursal,
    bank: Callable[..., Any],
    changes: dict[str, Any],
    state: str,
    note: str,
) -> None:
    payout = released.payouts[0]
    assert take(pain002(released.reference, Said(payout.reference, number=UTR))).accepted
    left = Movement(-payout.net, TODAY, TODAY, text=f"RTGS DR-DEMO0000001-SOMEBODY-{UTR}")
    bank(WRITERS["camt.053.001.08"]([replace(left, **changes)]))
    db.session.rollback()
    [entry] = db.session.query(StatementEntry)
    assert payout.bank_number == UTR
    assert (payout.state, note in entry.note) == (state, True), entry.note
    # what the bank charges for it names the number too
    bank(WRITERS["camt.053.001.08"]([Movement(-5_91, TODAY, TODAY, text=f"RTGS CHG-{UTR}")]))
    db.session.rollback()
    charge = db.session.query(StatementEntry).order_by(StatementEntry.id)[1]
    assert charge.state == ("parked" if state == "confirmed" else "open")


@pytest.mark.parametrize("level", ["group", "block"])
def test_a_rejected_order_is_rejected_whole(take: Take, released: Disbursal, level: str) -> None:
    code = {"code": "FF01"} if level == "group" else {}
    result = take(pain002(released.reference, **{level: "RJCT"}, **code))
    words = "FF01 wrong file format" if level == "group" else "RJCT rejected, the bank gives no reason"
    assert set(result.rejected.values()) == {words}
    assert _states(released) == [("rejected", "RJCT", words)] * 2
    assert set(_invoices(released)) == {"financeable"}
    assert released.status == "dropped"
    assert prove().holds


def test_a_payment_may_differ_from_its_order(take: Take, released: Disbursal) -> None:
    good, bad = released.payouts
    result = take(pain002(released.reference, Said(bad.reference, "RJCT", "AC01"), group="ACCP"))
    assert (result.accepted, list(result.rejected)) == ({good.reference: "ACCP"}, [bad.reference])


def test_the_same_answer_twice_does_nothing_twice(take: Take, released: Disbursal, ctx: Context) -> None:
    payout = released.payouts[0]
    data = pain002(released.reference, Said(payout.reference, "RJCT", "AC04"))
    assert take(data).rejected
    with transaction():
        reinstate_payout(ctx, payout.id, reason="the bank did pay")
    before = db.session.query(Event).count()
    # the bank's number tells that it is the same, however the file was written again
    for again in (data, data + b"\n"):
        assert take(again).repeated
    assert db.session.query(Event).count() == before
    assert _states(released)[0][0] == "instructed"


def test_eight_threads_with_one_answer_apply_it_once(app: Flask, take: Take, released: Disbursal) -> None:
    data = pain002(released.reference, Said(released.payouts[1].reference, "RJCT", "AC04"))
    results = in_threads(app, [lambda: len(take(data).rejected)] * 8)
    assert sum(results) == 1
    assert db.session.query(PaymentReport).count() == 1


def _and(data: bytes, other: bytes, element: str = "OrgnlPmtInfAndSts") -> bytes:
    """The first answer with the block (or group) of the second one as well."""
    name = element.encode()
    more = other[other.index(b"<" + name + b">") : other.index(b"</" + name + b">")] + b"</" + name + b">"
    end = data.index(b"</CstmrPmtStsRpt>") if element == "OrgnlPmtInfAndSts" else data.index(b"<" + name)
    return data[:end] + more + data[end:]


def test_each_block_of_an_answer_is_of_its_own_payments(take: Take, released: Disbursal) -> None:
    good, bad = released.payouts
    one = pain002(released.reference, Said(good.reference, ""), block="ACSP")
    data = _and(one, pain002(released.reference, Said(bad.reference, "", "AC04"), block="RJCT"))
    result = take(data)
    assert (result.accepted, result.rejected) == (
        {good.reference: "ACSP"},
        {bad.reference: "AC04 closed account"},
    )


@pytest.mark.parametrize(
    ("group", "block", "said", "status"),
    [
        ("ACTC", "RJCT", "", "RJCT"),
        ("PART", "ACSP", "", "ACSP"),
        ("RJCT", "", "", "RJCT"),
        ("ACCP", "PART", "RJCT", "RJCT"),
        ("PART", "PART", "ACSC", "ACSC"),
        ("ACCP", "", "", "ACCP"),
    ],
)
def test_what_is_said_nearest_to_a_payment_holds(group: str, block: str, said: str, status: str) -> None:
    one = [Said("P-1-1", said)] if said or not block else []
    read = read_pain002(pain002("D-1", *one, group=group, block=block), READING)
    assert [each.status for each in read.payments] == [status] * len(one)
    assert one or read.status == status


def test_an_answer_that_comes_later_but_says_less_is_named(take: Take, released: Disbursal) -> None:
    for number, status in enumerate(["ACTC", "ACSP", "ACSC", "ACCC"]):
        assert set(
            take(pain002(released.reference, group=status, number=f"R-{number}")).accepted.values()
        ) == {status}
    late = take(pain002(released.reference, group="ACTC", number="R-9"))
    assert not late.accepted
    assert all("ACTC is older" in note for note in late.notes)
    assert {status for _, status, _ in _states(released)} == {"ACCC"}


def test_an_earlier_answer_is_known_again_however_it_is_written(take: Take, released: Disbursal) -> None:
    first = pain002(released.reference, group="ACTC", number="R-1")
    take(first)
    take(pain002(released.reference, group="ACSC", number="R-2"))
    again = take(first.replace(b"><", b">\r\n  <"))
    assert (again.repeated, again.notes, again.accepted) == (True, [], {})
    assert {status for _, status, _ in _states(released)} == {"ACSC"}


def test_one_id_of_two_answers_that_differ_is_no_repetition(take: Take, released: Disbursal) -> None:
    take(pain002(released.reference, group="ACTC"))
    with pytest.raises(UnreadableFile, match="under the id R-1 before, and this file says something else"):
        take(pain002(released.reference, group="RJCT"))
    assert {state for state, *_ in _states(released)} == {"instructed"}


def test_what_fits_nothing_is_named_and_left(take: Take, released: Disbursal) -> None:
    first, second = released.payouts
    references = [first.reference, second.reference]
    result = take(
        pain002(
            released.reference,
            Said("P-999-1", "RJCT"),
            Said(references[0], "RJCT", amount=first.net + 1),
            Said(references[1], "RJCT"),
            Said(references[1], "ACCP"),
        )
    )
    assert not result.accepted
    assert not result.rejected
    told = " ".join(result.notes)
    assert f"P-999-1 is no payout of {released.reference}." in told
    assert f"{references[0]} is ₹" in told
    assert f"The bank says both ACCP and RJCT of {references[1]}." in told
    assert {state for state, *_ in _states(released)} == {"instructed"}


def test_a_rejection_of_what_the_statement_confirmed_is_for_a_person(
    take: Take, released: Disbursal, bank: Callable[..., Any]
) -> None:
    payout = released.payouts[0]
    reference = payout.reference
    bank([payment_of(payout)])
    result = take(pain002(released.reference, Said(reference, "RJCT", "AC04")))
    assert result.notes == [
        f"The bank rejected {reference}, which is confirmed already; compare with the statement."
    ]
    assert _states(released)[0][0] == "confirmed"


def test_another_order_or_one_not_sent_is_refused(
    take: Take, released: Disbursal, scalar: Callable[..., Any]
) -> None:
    with pytest.raises(UnreadableFile, match="which is none of ours; nothing was changed"):
        take(pain002("DIS-OTHER", group="RJCT"))
    db.session.rollback()
    assert scalar("SELECT count(*) FROM payment_reports") == 0
    assert {state for state, *_ in _states(released)} == {"instructed"}


def test_an_order_that_the_bank_has_is_not_sent_again(take: Take, released: Disbursal, ctx: Context) -> None:
    take(pain002(released.reference, group="ACTC"))
    with pytest.raises(Conflict, match="must not be sent again"):
        take_payment_order(ctx, released.id, debtor=None, initiator="x", kind="csv")  # type: ignore[arg-type]


def _counting(group: str, status: str, count: int) -> bytes:
    """An answer to a whole order that counts its payments by their status."""
    counted = f"<NbOfTxsPerSts><DtldNbOfTxs>{count}</DtldNbOfTxs><DtldSts>{status}</DtldSts></NbOfTxsPerSts>"
    whole = pain002("D-1", group=group)
    return whole.replace(b"</OrgnlGrpInfAndSts>", counted.encode() + b"</OrgnlGrpInfAndSts>")


@pytest.mark.parametrize(("group", "status", "count"), [("RJCT", "RJCT", 2), ("ACCP", "RJCT", 0)])
def test_counts_that_agree(group: str, status: str, count: int) -> None:
    assert read_pain002(_counting(group, status, count), READING).status == group


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (pain002("D-1"), "says nothing of the payments of D-1"),
        (pain002("D-1", group="PART"), "says nothing of the payments of D-1"),
        (pain002("", group="ACCP"), "does not say which payment order"),
        (pain002("D-1", group="ACCP")[:-30], "not well-formed XML"),
        (_and(pain002("D-1", block="RJCT"), pain002("D-1", block="ACCP")), "not which payments are in each"),
        (_and(pain002("D-1", block="RJCT"), pain002("D-20260302-2", block="ACCP")), "several payment orders"),
        (
            _and(pain002("D-1", group="ACCP"), pain002("D-2", group="RJCT"), "OrgnlGrpInfAndSts"),
            "several payment orders",
        ),
        (
            pain002("D-1", group="RJCT", block="ACCP"),
            "contradicts itself: it says RJCT of all of D-1 and ACCP",
        ),
        (pain002("D-1", Said("P-1-1", "ACSC"), block="RJCT"), "contradicts itself"),
        (_counting("RJCT", "ACSP", 1), "it says RJCT of all of D-1 and ACSP"),
        (_counting("ACCP", "RJCT", 1), "counts 1 rejected payments, but names 0"),
        (_and(pain002("D-1", group="ACCP"), pain002("D-20260302", block="RJCT")), "several payment orders"),
        (
            pain002("D-1", Said("P-1-1", amount=5_00)).replace(b'"INR"', b'"USD"'),
            "repeats an amount of D-1 as “USD 5",
        ),
    ],
)
def test_answers_that_cannot_be_read(data: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read_pain002(data, READING)


def test_the_first_versions_have_their_own_element() -> None:
    text = pain002("D-1", Said("P-1", "RJCT", "AC04")).decode()
    old = (
        text.replace("CstmrPmtStsRpt", "pain.002.001.02")
        .replace("<Rsn>", "<StsRsn>")
        .replace("</Rsn>", "</StsRsn>")
    )
    [said] = read_pain002(old.encode(), READING).payments
    assert (said.reference, said.status, said.reason) == ("P-1", "RJCT", "AC04 closed account")


@pytest.mark.parametrize("packed", [False, True])
def test_uploaded_where_statements_are(
    login: Callable[..., FlaskClient], released: Disbursal, packed: bool
) -> None:
    first, second = (payout.reference for payout in released.payouts)
    reference = released.reference
    data = pain002(reference, Said(first, "ACCP"), Said(second, "RJCT", "AC04"))
    browser = login(Role.ADMIN)
    sent = {"file": (io.BytesIO(gzip.compress(data) if packed else data), "answer.xml")}
    answer = browser.post("/admin/statements", data=sent, follow_redirects=True)
    assert f"The bank answered for {reference}: 1 accepted or under way, 1 rejected." in answer.text
    assert f"{second}: AC04 closed account." in answer.text
    assert "bank status: ACCP accepted" in answer.text
    assert "Bank file (pain.001)" not in answer.text
    wrong = browser.post(
        "/admin/statements", data={"file": (io.BytesIO(pain002("X", group="RJCT")), "a.xml")}
    )
    assert wrong.status_code == 422
    assert "none of ours; nothing was changed" in wrong.text


def test_the_command_takes_answers_too(app: Flask, released: Disbursal, tmp_path: Path) -> None:
    bad = released.payouts[1].reference
    path = tmp_path / "answer.xml"
    path.write_bytes(pain002(released.reference, Said(bad, "RJCT", "AC04")))
    run = app.test_cli_runner()
    looked = json.loads(run.invoke(args=["import-statement", str(path), "--dry-run", "--json"]).stdout)
    assert (looked["format"], looked["rejected"]) == ("pain.002.001.12", {bad: "AC04 closed account"})
    assert _states(released)[1][0] == "instructed"
    assert f"{bad}: AC04 closed account." in run.invoke(args=["import-statement", str(path)]).output
    assert _states(released)[1][0] == "rejected"
    assert "was read before" in run.invoke(args=["import-statement", str(path)]).output
