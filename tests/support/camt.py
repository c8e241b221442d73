"""Statements of a bank, built for tests and valid against the schema."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from xml.sax.saxutils import escape

from tests.support.payment_orders import schema_of
from tests.support.values import TODAY
from tusker.models import Payout

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


@dataclass(frozen=True)
class Tx:
    """A transaction; `amount` in minor units, `returned` the code of a return, `batch` of our order."""

    amount: int
    direction: str = "CRDT"
    reference: str = ""
    end_to_end: str = ""
    name: str = ""
    account: str = ""
    text: str = ""
    returned: str = ""
    batch: str = ""
    instructed: int = 0
    """The payment itself, where it is not what was booked."""
    day: date = TODAY
    parts: tuple[Tx, ...] = field(default=())
    """With parts it is a batch booking."""


def payment_of(payout: Payout, number: str = "", **changes: object) -> Tx:
    """The bank's debit for a payout."""
    account = payout.bank_account
    told = {"account": account.iban or account.account_number, "name": account.holder} if account else {}
    values = {"reference": number or f"UTR-{payout.id}", "end_to_end": payout.reference, **told, **changes}
    return Tx(**{"amount": payout.net, "direction": "DBIT", **values})  # type: ignore[arg-type]


def return_of(payout: Payout, code: str = "AC04", **changes: object) -> Tx:
    """The bank's credit that gives a payout back."""
    values = {"reference": f"RET-{payout.id}", "end_to_end": payout.reference, "returned": code, **changes}
    return Tx(**{"amount": payout.net, **values})  # type: ignore[arg-type]


def camt053(
    txs: Iterable[Tx],
    *,
    number: str = "STMT-1",
    day: date = TODAY,
    opening: int = 10**9,
    account: str = "000111222333",
    window: tuple[str, str] | None = None,
    balances: bool = True,
    message: str = "",
    closing: int | None = None,
) -> bytes:
    """A file of one statement; checked against the schema. `window` is the times it spans; without `balances` it has
    only one that is of no use."""
    inside = stmt(
        txs,
        number=number,
        day=day,
        opening=opening,
        account=account,
        window=window,
        balances=balances,
        closing=closing,
    )
    return camt053_of(inside, message=message or f"M-{number}")


def camt053_of(*statements: str, message: str = "M-1") -> bytes:
    """A file of several statements made by `stmt`."""
    head = f"<MsgId>{message}</MsgId><CreDtTm>2026-03-02T18:00:00</CreDtTm>"
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{NAMESPACE}">'
        f"<BkToCstmrStmt><GrpHdr>{head}</GrpHdr>{''.join(statements)}</BkToCstmrStmt></Document>"
    )
    _check(text)
    return text.encode()


@cache
def _shapes() -> set[frozenset[str]]:
    """The shapes of files that were found valid."""
    return set()


def _check(text: str) -> None:
    """Validate a file, unless one of the same elements was valid: which digits stand in them, how many entries of one
    shape there are and in which order is nothing that the schema judges."""
    shape = frozenset(re.split("(?=<Ntry>)", re.sub("[0-9]+", "0", text)))
    if shape not in _shapes():
        schema_of("camt.053.001.08").validate(text)
        _shapes().add(shape)


def stmt(
    txs: Iterable[Tx],
    *,
    number: str = "STMT-1",
    day: date = TODAY,
    opening: int = 10**9,
    account: str = "000111222333",
    window: tuple[str, str] | None = None,
    balances: bool = True,
    closing: int | None = None,
) -> str:
    """One statement."""
    txs = list(txs)
    moved = sum(tx.amount if tx.direction == "CRDT" else -tx.amount for tx in txs)
    entries = "".join(_entry(tx) for tx in txs)
    end = opening + moved if closing is None else closing
    told = _balance("OPBD", opening, day) + _balance("CLBD", end, day)
    whose = f"<Acct><Id><Othr><Id>{account}</Id></Othr></Id></Acct>"
    span = f"<FrToDt><FrDtTm>{window[0]}</FrDtTm><ToDtTm>{window[1]}</ToDtTm></FrToDt>" if window else ""
    return (
        f"<Stmt><Id>{number}</Id><CreDtTm>2026-03-02T18:00:00</CreDtTm>{span}{whose}"
        f"{told if balances else _balance('FWAV', 1, day)}{entries}</Stmt>"
    )


def _amount(minor: int) -> str:
    return f'<Amt Ccy="INR">{Decimal(minor).scaleb(-2):.2f}</Amt>'


def _balance(code: str, amount: int, day: date) -> str:
    side = "CRDT" if amount >= 0 else "DBIT"
    kind = f"<Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
    return f"<Bal>{kind}{_amount(abs(amount))}<CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"


def _optional(tag: str, text: str) -> str:
    return f"<{tag}>{escape(text)}</{tag}>" if text else ""


def _entry(tx: Tx) -> str:
    dates = f"<BookgDt><Dt>{tx.day}</Dt></BookgDt><ValDt><Dt>{tx.day}</Dt></ValDt>"
    code = "<BkTxCd><Prtry><Cd>TRF</Cd></Prtry></BkTxCd>"
    total = _amount(tx.instructed).replace("Amt", "TtlAmt") if tx.instructed else ""
    batch = f"<Btch><PmtInfId>{tx.batch}</PmtInfId>{total}</Btch>" if tx.batch else ""
    details = "".join(_details(part, inside=True) for part in tx.parts) or (
        "" if tx.batch else _details(tx, inside=False)
    )
    return (
        f"<Ntry>{_amount(tx.amount)}<CdtDbtInd>{tx.direction}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>{dates}"
        f"{_optional('AcctSvcrRef', tx.reference)}{code}<NtryDtls>{batch}{details}</NtryDtls></Ntry>"
    )


def _details(tx: Tx, *, inside: bool) -> str:
    side = "Dbtr" if tx.direction == "CRDT" and not tx.returned else "Cdtr"
    refs = _optional("AcctSvcrRef", tx.reference if inside else "") + _optional("EndToEndId", tx.end_to_end)
    party = f"<{side}><Pty>{_optional('Nm', tx.name)}</Pty></{side}>" if tx.name else ""
    if tx.account:
        party += f"<{side}Acct><Id><Othr><Id>{tx.account}</Id></Othr></Id></{side}Acct>"
    amount = f"{_amount(tx.amount)}<CdtDbtInd>{tx.direction}</CdtDbtInd>" if inside else ""
    if tx.instructed:
        amount = f"{_amount(tx.instructed)}<CdtDbtInd>{tx.direction}</CdtDbtInd>"
    text = f"<RmtInf>{_optional('Ustrd', tx.text)}</RmtInf>" if tx.text else ""
    back = f"<RtrInf><Rsn><Cd>{tx.returned}</Cd></Rsn></RtrInf>" if tx.returned else ""
    return (
        f"<TxDtls>{f'<Refs>{refs}</Refs>' if refs else ''}{amount}"
        f"{f'<RltdPties>{party}</RltdPties>' if party else ''}{text}{back}</TxDtls>"
    )
