"""Statements as camt.053: the samples of others, batches, returns, and what is skipped with its reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tests.support.payment_orders import CASES
from tusker.bankfiles.formats import Reading
from tusker.bankfiles.statements import read_statement_file
from tusker.domain.bank.banking import Entry, Statement, StatementFile, is_advice
from tusker.errors import InvalidInput

Sample = Callable[[str], bytes]


def _read(data: bytes, currency: str = "EUR", exponent: int = 2) -> StatementFile:
    return read_statement_file(data, "statement.xml", Reading(currency, exponent))


def test_a_minimal_statement_of_version_2(sample: Sample) -> None:
    read = _read(sample("genkgo-camt053.v2.minimal.xml"))
    assert read.format == "camt.053.001.02"
    [statement] = read.statements
    assert (statement.reference, statement.account) == ("253EURNL26VAYB8060476890", "NL26VAYB8060476890")
    assert (statement.opened_on, statement.closed_on) == (date(2007, 10, 18), date(2007, 10, 18))
    assert (statement.opening_balance, statement.closing_balance) == (1815, None)
    assert statement.skipped == ("Balance CLBD: its amount is in SEK, not EUR; left out.",)
    [entry] = statement.entries
    assert entry == Entry(
        direction="credit",
        amount=885,
        booked_on=date(2014, 12, 31),
        value_date=date(2015, 1, 2),
        bank_reference="",
        end_to_end_id="",
        batch_reference="",
        counterparty="NAME NAME",
        counterparty_account="NL56AGDH9619008421",
        remittance="4654654654654654",
        return_reason=None,
        fingerprint=entry.fingerprint,
        likeness=entry.likeness,
    )


def test_two_statements_in_one_file(sample: Sample) -> None:
    first, second = _read(sample("genkgo-camt053.v2.multi.statement.xml")).statements
    assert (first.opening_balance, first.closing_balance, first.skipped) == (1815, 2700, ())
    assert (second.opening_balance, second.closing_balance, second.skipped) == (2700, 2000, ())
    assert (second.opened_on, second.closed_on) == (date(2014, 12, 30), date(2014, 12, 31))
    [came], [left] = first.entries, second.entries
    assert (came.direction, came.amount, came.end_to_end_id) == ("credit", 885, "000000001")
    assert came.counterparty == ""  # only the creditor, ourselves, is named
    assert (left.direction, left.amount, left.end_to_end_id) == ("debit", 700, "000000002")
    assert (left.counterparty, left.remittance) == ("Company Name 2", "Transaction Description 2")


def test_version_8(sample: Sample) -> None:
    read = _read(sample("genkgo-camt053.v8.xml"))
    assert read.format == "camt.053.001.08"
    [statement] = read.statements
    assert statement.account == "NL26VAYB8060476890"
    [entry] = statement.entries
    assert (entry.amount, entry.booked_on, entry.value_date) == (885, date(2014, 12, 31), date(2015, 1, 2))
    assert (entry.bank_reference, entry.end_to_end_id) == ("AAAASESS-FP-CN_98765/01", "MUELL/FINP/RA12345")
    assert (entry.counterparty, entry.counterparty_account) == ("NAME NAME", "NL56AGDH9619008421")


def test_the_wrong_sample_has_no_statement(sample: Sample) -> None:
    with pytest.raises(InvalidInput, match=r"no statement in it \(<Stmt>\)"):
        _read(sample("genkgo-camt053.v2.wrong.xml"))


def test_a_statement_of_another_currency_is_refused_as_a_whole(sample: Sample) -> None:
    with pytest.raises(InvalidInput, match="Entry 1: its amount is in EUR, not INR"):
        _read(sample("genkgo-camt053.v8.xml"), "INR")


@pytest.mark.parametrize(
    ("name", "booked", "instructed", "charges", "id_", "reason"),
    [
        ("08_return_less_charges.xml", 1590_00, 1601_40, 11_40, "P-1-2", "AC04 closed account"),
        ("10_payout_with_charges.xml", 1606_40, 1601_40, 5_00, "P-1-2", None),
        ("12_booked_without_dates.xml", 1601_40, None, 0, "P-1-2", "AC04 closed account"),
        ("13_amount_dot50.xml", 50, None, 0, "", None),
    ],
)
def test_cases_that_failed(
    name: str, booked: int, instructed: int | None, charges: int, id_: str, reason: str | None
) -> None:
    [statement] = _read((CASES / name).read_bytes(), "INR").statements
    first = statement.entries[0]
    assert (first.amount, first.instructed, first.charges) == (booked, instructed, charges)
    assert (first.end_to_end_id, first.return_reason) == (id_, reason)
    assert {(each.booked_on, each.value_date) for each in statement.entries} == {(date(2026, 3, 2),) * 2}
    assert statement.skipped == ()


def _bal(code: str, amount: str, side: str = "CRDT") -> str:
    kind = f"<Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
    return f'<Bal>{kind}<Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>2026-03-02</Dt></Dt></Bal>'


def _ntry(amount: str = "10.00", side: str = "CRDT", more: str = "", sts: str = "<Sts>BOOK</Sts>") -> str:
    dates = "<BookgDt><Dt>2026-03-02</Dt></BookgDt><ValDt><Dt>2026-03-03</Dt></ValDt>"
    return f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>{sts}{dates}{more}</Ntry>'


def _tx(inside: str) -> str:
    return f"<TxDtls>{inside}</TxDtls>"


def _document(*parts: str, version: str = "08") -> bytes:
    inside = f"<Stmt><Id>S1</Id><Acct><Id><IBAN>NL26VAYB8060476890</IBAN></Id></Acct>{''.join(parts)}</Stmt>"
    namespace = f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"
    return f'<Document xmlns="{namespace}"><BkToCstmrStmt>{inside}</BkToCstmrStmt></Document>'.encode()


def _statement(*parts: str, **options: Any) -> Statement:
    [statement] = _read(_document(*parts), **options).statements
    return statement


AMT = '<Amt Ccy="EUR">{}</Amt>'
OLD_AMT = (
    '<AmtDtls><InstdAmt><Amt Ccy="USD">9</Amt></InstdAmt><TxAmt><Amt Ccy="EUR">{}</Amt></TxAmt></AmtDtls>'
)


@pytest.mark.parametrize("amount", [AMT, OLD_AMT])
def test_a_batch_is_split_into_its_transactions(amount: str) -> None:
    batch = "<Btch><PmtInfId>DIS-7</PmtInfId><NbOfTxs>2</NbOfTxs></Btch>"
    one = _tx(f"<Refs><EndToEndId>PAY-1</EndToEndId></Refs>{amount.format('6.00')}")
    two = _tx(f"<Refs><EndToEndId>PAY-2</EndToEndId></Refs>{amount.format('4.00')}")
    more = f"<AcctSvcrRef>B1</AcctSvcrRef><NtryDtls>{batch}{one}{two}</NtryDtls>"
    statement = _statement(_ntry("10.00", "DBIT", more))
    assert [(e.end_to_end_id, e.amount, e.direction) for e in statement.entries] == [
        ("PAY-1", 600, "debit"),
        ("PAY-2", 400, "debit"),
    ]
    assert {(e.batch_reference, e.bank_reference) for e in statement.entries} == {("DIS-7", "B1")}
    assert len({e.fingerprint for e in statement.entries}) == 2


@pytest.mark.parametrize(
    ("details", "why"),
    [
        (_tx(AMT.format("6.00")) + _tx(AMT.format("3.00")), "its 2 details do not add up to its amount"),
        (_tx("") + _tx(AMT.format("10.00")), "no amount"),
        (_tx('<Amt Ccy="SEK">1</Amt>') * 2, "no amount"),
        (_tx(AMT.format("0")) + _tx(AMT.format("10.00")), "one of its details has no amount"),
    ],
)
def test_a_batch_that_cannot_be_split_stays_whole(details: str, why: str) -> None:
    batch = "<NtryDtls><Btch><MsgId>DIS-7</MsgId></Btch>"
    statement = _statement(_ntry("10.00", "DBIT", f"{batch}{details}</NtryDtls>"))
    [entry] = statement.entries
    assert (entry.amount, entry.batch_reference, entry.end_to_end_id) == (1000, "DIS-7", "")
    assert statement.skipped == (f"Entry 1: {why}; kept as one.",)


def _charges(amount: str) -> str:
    return f'<Chrgs><Rcrd><Amt Ccy="EUR">{amount}</Amt></Rcrd></Chrgs>'


def test_named_charges_of_a_batch_are_a_movement_of_their_own() -> None:
    parts = [_tx(f"<Refs><EndToEndId>PAY-{n}</EndToEndId></Refs>{AMT.format(n)}") for n in (6, 4)]
    details = f"<NtryDtls>{''.join(parts)}</NtryDtls>"
    for booked, side in (("10.50", "DBIT"), ("9.50", "CRDT")):
        more = f"<AcctSvcrRef>B1</AcctSvcrRef>{_charges('0.50')}{details}"
        statement = _statement(_ntry(booked, side, more))
        assert [(abs(e.signed), e.end_to_end_id) for e in statement.entries] == [
            (600, "PAY-6"),
            (400, "PAY-4"),
            (50, ""),
        ]
        assert statement.entries[2].direction == "debit"
        assert sum(e.signed for e in statement.entries) == (-1050 if side == "DBIT" else 950)
        assert {e.entry_reference for e in statement.entries[:2]} == {"B1"}
        [whole] = _statement(_ntry(booked, side, details)).entries
        assert whole.remittance == "PAY-6 PAY-4"


def test_charges_that_are_marked_as_included_are_shown() -> None:
    marked = _charges("0.50").replace("</Rcrd>", "<ChrgInclInd>true</ChrgInclInd></Rcrd>")
    for more, charges in ((marked, 50), (_charges("0.50"), 0)):
        [entry] = _statement(_ntry("9.50", more=f"{more}<NtryDtls>{_tx('')}</NtryDtls>")).entries
        assert (entry.amount, entry.charges) == (950, charges)


def test_the_first_version_has_its_transactions_in_the_entry() -> None:
    text = _document(
        _ntry(
            "10.00",
            "DBIT",
            "<AcctSvcrRef>A1</AcctSvcrRef><Btch><PmtInfId>DIS-7</PmtInfId></Btch>"
            + _tx(f"<Refs><EndToEndId>P-1</EndToEndId></Refs>{AMT.format('10.00')}"),
        ),
        _ntry(
            more=_tx(
                "<Refs><EndToEndId>P-2</EndToEndId></Refs><RtrInf><RtrRsn><Cd>AC04</Cd></RtrRsn></RtrInf>"
            )
        ),
        version="01",
    ).decode()
    read = _read(text.replace("BkToCstmrStmt>", "BkToCstmrStmtV01>").encode())
    assert read.format == "camt.053.001.01"
    paid, back = read.statements[0].entries
    assert (paid.end_to_end_id, paid.batch_reference, paid.bank_reference) == ("P-1", "DIS-7", "A1")
    assert (back.end_to_end_id, back.return_reason) == ("P-2", "AC04 closed account")


@pytest.mark.parametrize(
    ("message", "part", "format_"),
    [
        ("BkToCstmrAcctRpt", "Rpt", "camt.052.001.08"),
        ("BkToCstmrDbtCdtNtfctn", "Ntfctn", "camt.054.001.08"),
        ("BkToCstmrAcctRptV01", "Rpt", "camt.052.001.08"),
    ],
)
def test_reports_and_notifications_are_read_alike(message: str, part: str, format_: str) -> None:
    text = _document(GOOD, _ntry(sts="<Sts>PDNG</Sts>")).decode()
    text = text.replace("BkToCstmrStmt", message).replace("Stmt>", f"{part}>")
    read = _read(text.replace("camt.053", format_[:8]).encode())
    assert read.format == format_
    assert is_advice(read.format)
    [statement] = read.statements
    assert [entry.bank_reference for entry in statement.entries] == ["OK"]
    assert statement.skipped == ("Entry 2: pending (PDNG); left out.",)


def test_a_batch_may_hold_money_that_went_the_other_way() -> None:
    paid = _tx(f"{AMT.format('12.00')}<CdtDbtInd>DBIT</CdtDbtInd>")
    back = _tx(f"{AMT.format('2.00')}<CdtDbtInd>CRDT</CdtDbtInd>")
    statement = _statement(_ntry("10.00", "DBIT", f"<NtryDtls>{paid}{back}</NtryDtls>"))
    assert [entry.signed for entry in statement.entries] == [-1200, 200]


def test_parts_of_a_batch_are_known_again_in_any_order() -> None:
    parts = [_tx(f"<Refs><EndToEndId>PAY-{n}</EndToEndId></Refs>{AMT.format('5.00')}") for n in (1, 2)]

    def prints(*details: str) -> dict[str, str]:
        more = f"<AcctSvcrRef>B1</AcctSvcrRef><NtryDtls>{''.join(details)}</NtryDtls>"
        return {e.end_to_end_id: e.fingerprint for e in _statement(_ntry("10.00", "DBIT", more)).entries}

    assert prints(*parts) == prints(*reversed(parts))


def test_one_detail_of_many_is_not_taken_for_the_whole() -> None:
    detail = _tx("<Refs><EndToEndId>PAY-1</EndToEndId></Refs>")
    batch = f"<NtryDtls><Btch><PmtInfId>DIS-7</PmtInfId><NbOfTxs>2</NbOfTxs></Btch>{detail}</NtryDtls>"
    [entry] = _statement(_ntry("10.00", "DBIT", batch)).entries
    assert (entry.end_to_end_id, entry.batch_reference) == ("", "DIS-7")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("<Rsn><Cd>AC04</Cd></Rsn>", "AC04 closed account"),
        ("<Rsn><Cd>MS03</Cd></Rsn><AddtlInf>ask</AddtlInf>", "MS03 not specified, by the bank: ask"),
        ("<Rsn><Prtry>X9</Prtry></Rsn>", "X9"),
        ("<AddtlInf>account closed</AddtlInf>", "account closed"),
        ("", "returned"),
    ],
)
def test_a_payout_that_came_back(reason: str, words: str) -> None:
    """The parties may be named as in the payment: then the payee is the other side, not the lender."""
    parties = "<RltdPties><Dbtr><Nm>Lender</Nm></Dbtr><Cdtr><Pty><Nm>Supplier</Nm></Pty></Cdtr></RltdPties>"
    detail = _tx(f"<Refs><EndToEndId>PAY-1</EndToEndId></Refs>{parties}<RtrInf>{reason}</RtrInf>")
    [entry] = _statement(_ntry("10.00", "CRDT", f"<NtryDtls>{detail}</NtryDtls>")).entries
    assert (entry.direction, entry.return_reason) == ("credit", words)
    assert (entry.counterparty, entry.end_to_end_id) == ("Supplier", "PAY-1")


def test_a_reversal_keeps_its_direction() -> None:
    [entry] = _statement(_ntry("10.00", "CRDT", "<RvslInd>true</RvslInd>")).entries
    assert (entry.direction, entry.return_reason) == ("credit", "reversed by the bank")
    [entry] = _statement(_ntry("10.00", "CRDT", "<RvslInd>false</RvslInd>")).entries
    assert entry.return_reason is None


GOOD = _ntry("1.00", more="<AcctSvcrRef>OK</AcctSvcrRef>")


@pytest.mark.parametrize(
    ("bad", "note"),
    [
        ("<Ntry><CdtDbtInd>CRDT</CdtDbtInd></Ntry>", "Entry 2: no amount; skipped."),
        (_ntry(""), "Entry 2: no amount; skipped."),
        (_ntry("ten"), "Entry 2: its amount “ten” is not a number; skipped."),
        (_ntry("1,50"), "Entry 2: its amount “1,50” is not a number; skipped."),
        (_ntry("1e3"), "Entry 2: its amount “1e3” is not a number; skipped."),
        (_ntry("-1.50"), "Entry 2: its amount “-1.50” is negative; skipped."),
        (_ntry("0.00"), "Entry 2: its amount is zero; skipped."),
        (_ntry("1.005"), "Entry 2: its amount 1.005 is finer than 2 decimals; skipped."),
        (_ntry("9" * 19), f"Entry 2: its amount {'9' * 19} is too large; skipped."),
        (_ntry().replace('Ccy="EUR"', 'Ccy="USD"'), "Entry 2: its amount is in USD, not EUR; skipped."),
        (_ntry(side="BOTH"), "Entry 2: “BOTH” is neither CRDT nor DBIT; skipped."),
        (_ntry().replace("<CdtDbtInd>CRDT</CdtDbtInd>", ""), "Entry 2: neither credit nor debit; skipped."),
        (_ntry().replace("2026-03-02", "2026-02-30"), "Entry 2: its date “2026-02-30” is not one; skipped."),
        (
            _ntry().replace("2026-03-02", "0026-03-02"),
            "Entry 2: its date 0026-03-02 is out of range; skipped.",
        ),
        (
            _ntry().replace("2026-03-02", "9999-03-02"),
            "Entry 2: its date 9999-03-02 is out of range; skipped.",
        ),
        (_ntry(sts="<Sts>PDNG</Sts>"), "Entry 2: pending (PDNG); left out."),
        (_ntry(sts="<Sts><Cd>INFO</Cd></Sts>"), "Entry 2: for information (INFO); left out."),
        (_ntry(sts="<Sts><Prtry>ODD</Prtry></Sts>"), "Entry 2: not booked (ODD); left out."),
    ],
)
def test_what_cannot_be_read_is_skipped_with_its_place(bad: str, note: str) -> None:
    statement = _statement(GOOD, bad)
    assert [entry.bank_reference for entry in statement.entries] == ["OK"]
    assert statement.skipped == (note,)
    assert bool(statement.doubt) == any(word in note for word in ("negative", "neither"))


def test_a_statement_of_pending_entries_only_is_a_statement() -> None:
    statement = _statement(_ntry(sts="<Sts>PDNG</Sts>"), _bal("OPBD", "1"), _bal("CLBD", "1"))
    assert (statement.entries, statement.opening_balance) == ((), 100)


@pytest.mark.parametrize(
    ("closing", "notes"),
    [
        ("15.00", ()),
        (
            "16.00",
            (
                "The balances do not add up: opening 5.00 and entries of 10.00 make 15.00,"
                " but the closing balance is 16.00.",
            ),
        ),
    ],
)
def test_balances_must_add_up(closing: str, notes: tuple[str, ...]) -> None:
    assert _statement(_bal("PRCD", "5"), _ntry(), _bal("CLBD", closing)).skipped == notes


def test_an_overdrawn_balance_is_negative() -> None:
    statement = _statement(_bal("OPBD", "5", "DBIT"), _ntry(), _bal("CLBD", "5"))
    assert (statement.opening_balance, statement.closing_balance, statement.skipped) == (-500, 500, ())


@pytest.mark.parametrize(
    ("exponent", "text", "minor"), [(0, "1250", 1250), (0, "1250.00", 1250), (3, "1.25", 1250)]
)
def test_decimals_of_the_currency(exponent: int, text: str, minor: int) -> None:
    [entry] = _statement(_ntry(text), exponent=exponent).entries
    assert entry.amount == minor


def test_all_messages_of_a_file_are_read() -> None:
    one, two = (_document(_ntry(amount)).decode() for amount in ("1.00", "2.00"))
    read = _read(f"<Envelope>{one}{two}</Envelope>".encode())
    assert [[entry.amount for entry in statement.entries] for statement in read.statements] == [[100], [200]]


@pytest.mark.parametrize(
    ("said", "id_"),
    [
        ('<Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>', "E-1"),
        ('<Amt Ccy="SEK">0</Amt>', "E-1"),
        ('<Amt Ccy="USD">9.00</Amt>', "E-1"),
        ('<Amt Ccy="EUR">1.00</Amt>', "E-1"),
        ("<CdtDbtInd>DBIT</CdtDbtInd>", ""),
    ],
)
def test_a_transaction_that_contradicts_its_entry_is_not_the_whole_of_it(said: str, id_: str) -> None:
    more = f"<NtryDtls>{_tx(f'<Refs><EndToEndId>E-1</EndToEndId></Refs>{said}')}</NtryDtls>"
    statement = _statement(_ntry(more=more))
    assert [(e.direction, e.amount, e.end_to_end_id) for e in statement.entries] == [("credit", 1000, id_)]
    explained = "1.00" not in said and bool(id_)
    assert bool(statement.skipped) is not explained


def test_other_versions_prefixes_and_envelopes_are_read() -> None:
    plain = _document(GOOD, version="10").decode()
    prefixed = plain.replace("</", "</ns2:").replace("<", "<ns2:").replace("<ns2:/ns2:", "</ns2:")
    prefixed = prefixed.replace("xmlns=", "xmlns:ns2=")
    for text in (plain, prefixed, f"\r\n <Envelope><AppHdr/>{plain}</Envelope>"):
        read = _read(text.encode())
        assert read.format == "camt.053.001.10"
        assert read.statements[0].skipped == ()
        assert len(read.statements[0].entries) == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_encodings(encoding: str) -> None:
    said = {"utf-16-le": "utf-16", "utf-8-sig": "utf-8"}.get(encoding, encoding)
    text = (
        f'<?xml version="1.0" encoding="{said}"?>'
        + _document(_ntry(more="<AddtlNtryInf>Müller</AddtlNtryInf>")).decode()
    )
    [entry] = _read(text.encode(encoding)).statements[0].entries
    assert entry.remittance == "Müller"


def _prints(*parts: str) -> list[str]:
    return [entry.fingerprint for entry in _statement(*parts).entries]


def test_the_same_movement_in_overlapping_statements_is_known_again() -> None:
    twin, other = _ntry("10.00"), _ntry("11.00")
    first = _prints(twin, other)
    assert _prints(other, twin, _ntry("12.00"))[:2] == [first[1], first[0]]


def test_two_that_look_alike_stay_two() -> None:
    twin = _ntry("10.00")
    both = _prints(twin, twin)
    assert len(set(both)) == 2
    assert _prints(_ntry("5.00"), twin, twin)[1:] == both


def test_the_banks_reference_tells_movements_apart_whatever_the_words() -> None:
    def named(reference: str, words: str) -> str:
        return _ntry(more=f"<AcctSvcrRef>{reference}</AcctSvcrRef><AddtlNtryInf>{words}</AddtlNtryInf>")

    [one, two] = _prints(named("A", "x"), named("B", "x"))
    assert one != two
    assert _prints(named("B", "other words")) == [two]


def test_an_entry_number_is_no_reference() -> None:
    """NtryRef counts entries at many banks, so the same movement has another one in the next statement."""
    assert _prints(_ntry(more="<NtryRef>1</NtryRef>")) == _prints(_ntry(more="<NtryRef>2</NtryRef>"))
    assert _prints(_ntry(more="<NtryRef>X1</NtryRef>")) != _prints(_ntry(more="<NtryRef>X2</NtryRef>"))


def test_long_texts_fit_the_database() -> None:
    more = f"<AcctSvcrRef>{'r' * 99}</AcctSvcrRef><AddtlNtryInf>{'words ' * 999}</AddtlNtryInf>"
    [entry] = _statement(_ntry(more=more)).entries
    assert len(entry.bank_reference) == 60
    assert len(entry.remittance) == 2000


def test_a_flood_of_notes_is_counted() -> None:
    statement = _statement(GOOD, *[_ntry("x")] * 300)
    assert len(statement.skipped) == 201
    assert statement.skipped[-1] == "… and 100 more."
