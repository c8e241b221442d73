"""Credits become receipts when an admin accepts them: once, exactly as suggested, and open again when undone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.camt import Tx
from tests.support.threads import in_threads
from tests.support.values import at
from tusker.errors import Conflict, InvalidInput, TuskerError
from tusker.extensions import db
from tusker.jobs.statements import look_for_loans
from tusker.models import CreditLine, Event, Invoice, Receipt, StatementEntry
from tusker.queries.bank import candidates
from tusker.queries.bank.candidates import judge_entries, open_book
from tusker.queries.loans.loans import loan_of_invoice
from tusker.queries.record.proof import prove
from tusker.services.bank import decisions as desk
from tusker.services.bank.importing import ImportResult
from tusker.services.context import Context
from tusker.services.loans.receipts.recording import record_receipt
from tusker.services.loans.receipts.undoing import reverse_receipt
from tusker.services.loans.write_off import write_off
from tusker.transactions import transaction

Bank = Callable[..., ImportResult]
Entries = Callable[[], list[StatementEntry]]


@pytest.fixture
def owed(make_invoice: Callable[..., Invoice], make_line: Callable[..., CreditLine]) -> list[Invoice]:
    """Two loans of one purchaser, and one of another."""
    line = make_line()
    return [
        make_invoice("disbursed", line=line),
        make_invoice("disbursed", line=line, value=5_000_00),
        make_invoice("disbursed"),
    ]


def pay(invoice: Invoice, amount: int | None = None, **changes: object) -> Tx:
    """What the purchaser pays on the day of the payout, when only the principal is due."""
    values = {
        "reference": f"IN-{invoice.id}",
        "name": invoice.purchaser.name,
        "text": invoice.number,
        **changes,
    }
    return Tx(invoice.principal if amount is None else amount, **values)  # type: ignore[arg-type]


def accept_best(ctx: Context, entry: StatementEntry) -> int:
    best = judge_entries([entry], ctx.today)[entry.id].suggestions[0]
    with transaction():
        splits = {part.loan.loan_id: part.amount for part in best.parts}
        return desk.accept_entry(ctx, entry.id, best.customer_id, splits).id


def test_verdicts_of_an_import(bank: Bank, entries: Entries, owed: list[Invoice]) -> None:
    one, two, other = owed
    result = bank(
        [
            pay(one),
            pay(two, 4_000_00 - 1),
            pay(other, text="", name="Somebody"),
            Tx(77, reference="Z", name="Nobody", text="refund of charges"),
        ]
    )
    assert (result.sure, result.to_look_at, result.parked, result.settled) == (1, 2, 1, 0)
    assert [e.state for e in entries()] == ["open", "open", "open", "parked"]
    assert db.session.query(Receipt).count() == 0


def test_an_entry_is_judged_by_the_loans_that_were_found_as_they_stand_now(
    bank: Bank,
    entries: Entries,
    owed: list[Invoice],
    ctx: Context,
    make_invoice: Callable[..., Invoice],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pages and acceptance never look through the whole book; it says the same."""
    one, two, other = owed
    bank(
        [
            pay(one, text=f"{one.number} and {two.number}"),
            pay(two, 4_000_00 - 1),
            pay(other, text="", name="Somebody"),
            pay(other, 9_000_00, text=""),
            pay(two, name="Somebody", reference="R"),
        ]
    )
    found = entries()
    assert all(entry.loans_found for entry in found)
    whole = judge_entries(found, ctx.today, open_book(ctx.today))
    asked: list[object] = []
    look = candidates.payable_loans
    monkeypatch.setattr(
        candidates, "payable_loans", lambda day, ids=None: (asked.append(ids), look(day, ids))[1]
    )
    assert judge_entries(found, ctx.today) == whole
    for each in found:
        alone = judge_entries([each], ctx.today)[each.id]
        assert (alone.suggestions, alone.loans) == (whole[each.id].suggestions, whole[each.id].loans)
    assert None not in asked
    with transaction():
        record_receipt(
            ctx, two.purchaser_id, amount=12_000_00, bank_reference="BY-HAND", value_date=ctx.today
        )
    short = entries()[1]
    assert judge_entries([short], ctx.today)[short.id].verdict == "none"
    # what began since is found by the job
    later = make_invoice("disbursed", line=one.credit_line)
    assert judge_entries([short], ctx.today)[short.id].verdict == "none"
    assert look_for_loans() == 5
    short = entries()[1]
    [best, *_] = judge_entries([short], ctx.today)[short.id].suggestions
    assert [part.loan.invoice_id for part in best.parts] == [later.id]


def test_one_click_closes_the_loan(bank: Bank, entries: Entries, owed: list[Invoice], ctx: Context) -> None:
    bank([pay(owed[0])])
    [entry] = entries()
    receipt_id = accept_best(ctx, entry)
    receipt = db.session.get_one(Receipt, receipt_id)
    assert (receipt.bank_reference, receipt.amount, receipt.value_date) == (
        f"IN-{owed[0].id}",
        8_000_00,
        ctx.today,
    )
    assert (entry.state, entry.receipt_id, owed[0].status) == ("matched", receipt_id, "repaid")
    assert db.session.query(Event).filter_by(subject="statement_entry", kind="entry_matched").count() == 1
    with pytest.raises(Conflict, match="matched already"), transaction():
        desk.accept_entry(ctx, entry.id, owed[0].purchaser_id)
    assert prove().holds


def test_twenty_who_accept_make_one_receipt(
    app: Flask, bank: Bank, entries: Entries, owed: list[Invoice], ctx: Context
) -> None:
    bank([pay(owed[0])])
    [entry_id], payer = [entry.id for entry in entries()], owed[0].purchaser_id
    db.session.rollback()

    def press() -> str:
        try:
            with transaction():
                desk.accept_entry(ctx, entry_id, payer)
        except TuskerError as error:
            return error.message
        return "accepted"

    said = in_threads(app, [press] * 20)
    assert sorted(said) == ["This entry is matched already."] * 19 + ["accepted"]
    assert db.session.query(Receipt).count() == 1
    assert prove().holds


def test_a_split_that_is_no_longer_owed_is_refused(
    bank: Bank, entries: Entries, owed: list[Invoice], ctx: Context
) -> None:
    bank([pay(owed[0])])
    [entry] = entries()
    best = judge_entries([entry], ctx.today)[entry.id].suggestions[0]
    with transaction():
        record_receipt(ctx, owed[0].purchaser_id, amount=1_00, bank_reference="HAND", value_date=ctx.today)
    splits = {part.loan.loan_id: part.amount for part in best.parts}
    with pytest.raises(Conflict, match="is owed on"), transaction():
        desk.accept_entry(ctx, entry.id, best.customer_id, splits)
    assert entries()[0].state == "open"


def test_accept_all_takes_what_is_sure_only(
    bank: Bank, entries: Entries, owed: list[Invoice], ctx: Context
) -> None:
    one, two, other = owed
    bank([pay(one), pay(two, 1_00), pay(other)])
    ids = [entry.id for entry in entries()]
    with transaction():
        accepted = desk.accept_sure(ctx, ids)
    assert (len(accepted.receipts), accepted.left) == (2, {ids[1]: "The amount is not exactly what is due."})
    assert [invoice.status for invoice in owed] == ["repaid", "disbursed", "repaid"]
    with transaction():
        again = desk.accept_sure(ctx, ids)
    assert (again.receipts, again.left[ids[0]]) == ([], "It is matched already.")
    assert prove().holds


def test_one_reference_for_many_and_none_at_all(
    bank: Bank, entries: Entries, owed: list[Invoice], ctx: Context
) -> None:
    one, two, other = owed
    bank([pay(one, reference="B-1"), pay(two, reference="B-1", name="x"), pay(other, reference="")])
    references = []
    for entry in entries():
        receipt_id = accept_best(ctx, entry)
        references.append(db.session.get_one(Receipt, receipt_id).bank_reference)
    assert references == ["B-1", "B-1/2", f"ST-{entries()[2].fingerprint[:16]}"]


def test_a_receipt_that_is_undone_opens_its_entry_again(
    bank: Bank, entries: Entries, owed: list[Invoice], ctx: Context
) -> None:
    bank([pay(owed[0], reference="IN-9")])
    references = []
    for _ in range(3):
        receipt_id = accept_best(ctx, entries()[0])
        references.append(db.session.get_one(Receipt, receipt_id).bank_reference)
        with transaction():
            reverse_receipt(ctx, receipt_id, reason="wrong customer")
        [entry] = entries()
        assert (entry.state, entry.receipt_id, entry.note) == (
            "open",
            None,
            "Its receipt was undone: wrong customer",
        )
    assert references == ["IN-9"] * 3
    assert prove().holds


def test_what_was_recorded_by_hand_before_is_linked(
    bank: Bank, entries: Entries, owed: list[Invoice], ctx: Context
) -> None:
    payer = owed[0].purchaser_id
    with transaction():
        record_receipt(ctx, payer, amount=8_000_00, bank_reference="IN-9", value_date=ctx.today)
        record_receipt(ctx, payer, amount=1_00, bank_reference="IN-8", value_date=ctx.today)
    bank([pay(owed[0], reference="IN-9"), pay(owed[1], 2_00, reference="IN-8")])
    first, second = entries()
    assert (first.state, first.receipt_id) == ("matched", 1)
    assert second.state == "open"
    with pytest.raises(TuskerError, match="recorded already"), transaction():
        desk.accept_entry(ctx, second.id, payer)


def test_the_command_links_the_entry_that_is_there(
    app: Flask, bank: Bank, entries: Entries, owed: list[Invoice], ctx: Context
) -> None:
    bank([Tx(3_00, reference="IN-7", name="", text="")])
    assert entries()[0].state == "parked"
    run = app.test_cli_runner().invoke(
        args=[
            *("record-receipt", owed[0].purchaser.name, "--amount", "3", "--reference", "IN-7"),
            *("--value-date", f"{ctx.today}"),
        ]
    )
    assert run.exit_code == 0, run.output
    assert run.output.endswith("Its entry on the bank statement is matched.\n")
    assert (entries()[0].state, entries()[0].receipt_id) == ("matched", 1)
    assert prove().holds


def test_a_receipt_that_was_undone_is_not_what_an_entry_is_of(
    bank: Bank, entries: Entries, owed: list[Invoice], ctx: Context
) -> None:
    with transaction():
        bounced = record_receipt(
            ctx, owed[0].purchaser_id, amount=8_000_00, bank_reference="IN-9", value_date=ctx.today
        )
        reverse_receipt(ctx, bounced.id, reason="it bounced")
    bank([pay(owed[0], reference="IN-9")])
    [entry] = entries()
    assert (entry.state, entry.receipt_id) == ("open", None)
    accept_best(ctx, entry)
    assert (entries()[0].state, owed[0].status) == ("matched", "repaid")
    assert prove().holds


def test_the_account_is_known_the_next_time(
    bank: Bank, entries: Entries, owed: list[Invoice], ctx: Context
) -> None:
    bank([pay(owed[0], account="ACC-1", name="A. C. M. E.")])
    assert judge_entries(entries(), ctx.today)[1].verdict == "ambiguous"
    accept_best(ctx, entries()[0])
    bank([pay(owed[1], account="ACC-1", name="A. C. M. E.")], number="STMT-2")
    judged = judge_entries([entries()[1]], ctx.today)[2]
    assert judged.verdict == "sure"
    assert "paid from this account before" in judged.suggestions[0].reasons[-1]


def test_dues_are_of_the_value_date(bank: Bank, entries: Entries, owed: list[Invoice], ctx: Context) -> None:
    later = at(ctx, 30)
    interest = round(8_000_00 * 18 * 10 / 36500)
    paid = pay(owed[0], 8_000_00 + interest, day=at(ctx, 10).today)
    bank([paid], later)
    judged = judge_entries(entries(), later.today)[1]
    assert (judged.verdict, judged.suggestions[0].exact) == ("sure", True)


def test_park_dismiss_and_reopen(bank: Bank, entries: Entries, owed: list[Invoice], ctx: Context) -> None:
    bank([pay(owed[0]), Tx(9, "DBIT", "FEE", text="charges")])
    entry_id, fee = (entry.id for entry in entries())
    with transaction():
        desk.park_entry(ctx, entry_id, reason="asked them")
    with pytest.raises(Conflict), transaction():
        desk.park_entry(ctx, entry_id, reason="again")
    with transaction():
        desk.dismiss_entry(ctx, fee, reason="bank charges")
    for reason in ("", " ", "x" * 301, "two\nlines"):
        with pytest.raises(InvalidInput), transaction():
            desk.dismiss_entry(ctx, entry_id, reason=reason)
    assert [(e.state, e.note) for e in entries()] == [("parked", "asked them"), ("dismissed", "bank charges")]
    with pytest.raises(Conflict), transaction():
        desk.accept_entry(ctx, fee, owed[0].purchaser_id)
    with transaction():
        desk.reopen_entry(ctx, fee)
    with pytest.raises(InvalidInput), transaction():
        desk.accept_entry(ctx, fee, owed[0].purchaser_id)
    accept_best(ctx, entries()[0])
    with pytest.raises(Conflict, match="undo the receipt"), transaction():
        desk.reopen_entry(ctx, entry_id)
    kinds = [
        event.kind
        for event in db.session.query(Event).filter_by(subject="statement_entry").order_by(Event.id)
    ]
    assert kinds == ["entry_parked", "entry_dismissed", "entry_reopened", "entry_matched"]


def test_an_entry_that_names_a_written_off_loan_is_its_recovery(
    bank: Bank, entries: Entries, owed: list[Invoice], ctx: Context
) -> None:
    given_up, other, _ = owed
    with transaction():
        write_off(ctx, given_up.id, reason="insolvent")
    bank([pay(given_up, 3_000_00), pay(given_up, 3_500_00, text="", reference="IN-X")])
    named, unnamed = entries()
    judged = judge_entries([named, unnamed], ctx.today)
    best = judged[named.id].suggestions[0]
    assert [(part.loan.invoice_id, part.amount) for part in best.parts] == [(given_up.id, 3_000_00)]
    assert f"{given_up.number} was written off: a recovery" in best.reasons
    ways = [[part.loan.invoice_id for part in way.parts] for way in judged[unnamed.id].suggestions]
    assert [other.id] in ways
    assert [given_up.id] in ways
    receipt_id = accept_best(ctx, named)
    row = loan_of_invoice(given_up.id, ctx.today)
    assert row is not None
    assert (row.recovered, row.live.total, other.status) == (3_000_00, 0, "disbursed")
    with transaction():
        reverse_receipt(ctx, receipt_id, reason="bounced")
    assert entries()[0].state == "open"
    assert prove().holds


def test_back_dated_money_is_offered_to_the_loan_that_can_take_it(
    bank: Bank, entries: Entries, owed: list[Invoice], ctx: Context
) -> None:
    paid, other, _ = owed
    with transaction():
        record_receipt(
            at(ctx, 20),
            paid.purchaser_id,
            amount=1_000_00,
            bank_reference=f"A {paid.number}",
            value_date=at(ctx, 20).today,
        )
    bank([pay(other, 2_000_00, text="")], at(ctx, 21))
    [entry] = entries()
    ways = judge_entries([entry], at(ctx, 21).today)[entry.id].suggestions
    assert [[part.loan.invoice_id for part in way.parts] for way in ways] == [[other.id]]
    accept_best(at(ctx, 21), entry)
    assert prove().holds


def test_two_payers_of_one_cheque_number(
    bank: Bank, entries: Entries, owed: list[Invoice], ctx: Context
) -> None:
    one, _, other = owed
    bank([pay(one, reference="000123"), pay(other, reference="000123")])
    receipts = [accept_best(ctx, entry) for entry in entries()[::-1]]
    assert {db.session.get_one(Receipt, id_).bank_reference for id_ in receipts} == {"000123"}
