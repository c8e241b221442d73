"""From files as banks really give them: an answer to the order, a workbook of a portal, an MT940 of face values."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.camt import Tx
from tests.support.movements import WRITERS, Movement, turned
from tests.support.pages import Today, seen_in
from tests.support.pain002 import Said, pain002
from tests.support.values import TERMS, TODAY
from tests.support.workbooks import xlsx
from tusker.domain.terms import Collection
from tusker.errors import UnreadableFile
from tusker.extensions import db
from tusker.models import CreditLine, Disbursal, Invoice, Loan, Payable, Payout
from tusker.queries.loans.loans import open_loans
from tusker.queries.record.proof import prove
from tusker.services.bank.importing import ImportResult

HEADS = (
    "Date",
    "Narration",
    "Chq./Ref.No.",
    "Value Dt",
    "Withdrawal Amt.",
    "Deposit Amt.",
    "Closing Balance",
)
STARS = ("********",) * 7


def upload(browser: FlaskClient, data: bytes, name: str) -> str:
    """Import a file over the page; answers where it leads."""
    answer = browser.post("/admin/statements", data={"file": (io.BytesIO(data), name)})
    assert answer.status_code == 303, answer.text
    return answer.location


def hdfc(payouts: list[tuple[str, int, str]]) -> bytes:
    """The workbook of HDFC's portal: the account in the fifth column, rows of asterisks, text for days."""
    day, balance, rows = f"{TODAY:%d/%m/%y}", 50_000_000, []
    for reference, amount, utr in payouts:
        balance -= amount
        narration = f"NEFT DR-ICIC0000123-SUPPLIER LTD-NETBANK, MUM-{utr}-{reference}"
        rows.append((day, narration, utr, day, amount / 100, None, balance / 100))
    above = [("HDFC BANK Ltd.",), (None,) * 4 + ("Account No :", "000111222333   PRIME"), STARS, HEADS, STARS]
    return xlsx({"Sheet 1": [*above, *rows, STARS, ("STATEMENT SUMMARY :-",)]})


def test_an_answer_and_a_workbook_with_utrs_confirm_what_was_paid(
    login: Callable[..., FlaskClient], released: Disbursal
) -> None:
    browser = login()
    (good, net), (bad, _) = ((payout.reference, payout.net) for payout in released.payouts)
    said = pain002(released.reference, Said(good, "ACCP"), Said(bad, "RJCT", "AC04"), group="PART")
    assert upload(browser, said, "answer.xml") == f"/admin/disbursals/{released.id}"
    assert db.session.query(Loan).count() == 0

    utr = "HDFCN52026030212"
    page = upload(browser, hdfc([(good, net, utr)]), "Acct_Statement.xls")
    db.session.expire_all()
    paid, failed = db.session.query(Payout).order_by(Payout.id)
    assert (paid.state, paid.bank_reference, paid.value_date) == ("confirmed", utr, TODAY)
    assert (failed.state, failed.reason) == ("rejected", "AC04 closed account")
    assert released.status == "confirmed"
    statuses = {line.invoice.status for line in released.lines if line.payout_id == paid.id}
    assert statuses == {"disbursed"}
    assert {line.invoice.status for line in released.lines if line.payout_id == failed.id} == {"financeable"}
    assert good in browser.get(f"{page}?show=payouts").text
    assert prove().holds


def test_an_mt940_of_face_values_closes_loans_and_leaves_payables(
    login: Callable[..., FlaskClient],
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    scalar: Callable[..., Any],
    business_day: Today,
) -> None:
    line = make_line(terms=replace(TERMS, collection=Collection.INVOICE))
    invoices = [make_invoice("disbursed", line=line) for _ in range(2)]
    later = TODAY + timedelta(days=90)
    business_day(later)
    owed = {row.invoice_id: row.live.total for row in open_loans(later)}
    came = [
        Movement(
            invoice.amount,
            later,
            later,
            reference=f"UTR{invoice.id}" if invoice is invoices[0] else "",
            name=invoice.purchaser.name,
            text=f"Payment of {invoice.number}",
        )
        for invoice in invoices
    ]
    whole = WRITERS["mt940 coded"](came)
    browser = login()
    cut = upload(browser, whole[: whole.index(b":62F:")], "cut.sta")
    assert "Accept all" not in browser.get(cut).text
    page = upload(browser, whole, "statement.sta")
    assert (
        browser.get(f"{cut}?show=done").text.count("A later file that is sound lists the same movement") == 2
    )
    shown = browser.get(page).text
    assert "Accept all 2 sure" in shown
    entries = re.findall(r'name="entry_ids" value="(\d+)"', shown)
    assert (
        browser.post(f"{page}/accept-sure", data={"entry_ids": entries, "seen": seen_in(shown)}).status_code
        == 303
    )
    db.session.expire_all()
    assert {scalar("SELECT status FROM invoices WHERE id = :i", i=each.id) for each in invoices} == {"repaid"}
    assert open_loans(later) == []
    payables = [payable.open_amount for payable in db.session.query(Payable).order_by(Payable.id)]
    assert payables == [each.amount - owed[each.id] for each in invoices]
    assert all(amount > 0 for amount in payables)
    proof = prove()
    assert proof.holds, (proof.differences, proof.mismatches)
    assert upload(browser, whole, "again.sta") == page
    # in another file, the same movements are known by those that took the place of the cut ones
    upload(browser, whole + b"\r\n", "once more.sta")
    assert scalar("SELECT count(*) FROM receipts") == 2
    assert scalar("SELECT count(*) FROM statement_entries") == 4


def test_another_amount_that_charges_cannot_explain_is_never_sure(
    bank: Callable[..., ImportResult], make_invoice: Callable[..., Invoice]
) -> None:
    """Less than was paid cannot have come in where the bank says that less was ordered."""
    invoice = make_invoice("disbursed")
    came = Tx(
        invoice.principal, reference="U-1", name=invoice.purchaser.name, text=invoice.number, instructed=1_00
    )
    result = bank([came])
    assert (result.sure, result.to_look_at) == (0, 1)


@pytest.mark.parametrize("name", WRITERS)
def test_a_turned_sign_or_another_account_is_never_sure(
    bank: Callable[..., ImportResult], make_invoice: Callable[..., Invoice], name: str
) -> None:
    invoice = make_invoice("disbursed")
    came = Movement(
        invoice.principal, TODAY, TODAY, "UTR12345", name=invoice.purchaser.name, text=invoice.number
    )
    left = replace(came, amount=-came.amount, reference="UTR54321")
    write = WRITERS[name]
    with pytest.raises(UnreadableFile, match="of account 999111222333, which is none of ours"):
        bank(write([came], account="999111222333"))
    other = replace(came, amount=7_00, reference="UTR99999", text="something else")
    try:
        assert bank(turned(name, write([left, other]))).sure == 0
    except UnreadableFile:
        assert name == "ofx"
    assert bank(write([came], opening=5_00)).sure == 1
