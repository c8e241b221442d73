"""Payment orders as ISO 20022 customer credit transfer initiations (pain.001.001.09 and .03)."""

from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from tusker.bankfiles.payments.orders import check_order
from tusker.bankfiles.texts import bank_name, bank_text, shortened
from tusker.domain.accounts import AccountNumber
from tusker.domain.bank.banking import CreditTransfer, PaymentOrder
from tusker.domain.money import to_major
from tusker.messages import say

Version = Literal["09", "03"]

LONGEST_TEXT = 140
"""Characters of a name and of the unstructured remittance text."""
NO_BANK = "NOTPROVIDED"
"""The standard's word where the bank follows from the IBAN."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a bank wants to be told besides: the priority of the order, and the local instrument, which is the payment's
    mode (`mode`) or the bank's own word. Empty where it wants neither."""

    priority: str = ""
    local_instrument: str = ""


def write_pain001(
    order: PaymentOrder, version: Version, exponent: int, wishes: Wishes | None = None
) -> bytes:
    """The order as a file; the same order gives the same bytes.

    The message id is the payment block's id too, so that whichever of them a statement quotes leads back to the
    order. `exponent` is the number of decimals of the currency. Raises `InvalidInput` naming the field for an order
    that a bank would refuse.
    """
    check_order(order)
    writer = _Writer(order, version, exponent, wishes or Wishes())
    document = _tag("Document", _tag("CstmrCdtTrfInitn", writer.header(), writer.block()))
    document.set("xmlns", f"urn:iso:std:iso:20022:tech:xsd:pain.001.001.{version}")
    ElementTree.indent(document)
    text = ElementTree.tostring(document, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _tag(name: str, *inside: Element | str | None) -> Element:
    """An element around its text or its parts, in the schema's order; None stands for a part that is left out."""
    made = Element(name)
    for part in inside:
        if isinstance(part, str):
            made.text = part
        elif part is not None:
            made.append(part)
    return made


class _Writer:
    """The parts of one order in one version of the message."""

    def __init__(self, order: PaymentOrder, version: Version, exponent: int, wishes: Wishes) -> None:
        self.order = order
        self.wishes = wishes
        self.is_new = version == "09"
        self.exponent = exponent

    def header(self) -> Element:
        created = self.order.created_at.replace(microsecond=0).isoformat().replace("+00:00", "Z")
        return _tag(
            "GrpHdr",
            _tag("MsgId", self.order.message_id),
            _tag("CreDtTm", created),
            *self.sums(),
            _tag("InitgPty", self.name(self.order.initiator, field="initiator", whose=say("the lender"))),
        )

    def block(self) -> Element:
        """One payment block: one account pays on one day. Each transfer is to be booked separately, so that the
        statement shows them one by one."""
        order, day = self.order, self.order.execution_date.isoformat()
        bank = self.bank(order.debtor)
        if bank is None:
            bank = _tag("FinInstnId", _tag("Othr", _tag("Id", NO_BANK)))
        return _tag(
            "PmtInf",
            _tag("PmtInfId", order.message_id),
            _tag("PmtMtd", "TRF"),
            _tag("BtchBookg", "false"),
            *self.sums(),
            self.kind(),
            _tag("ReqdExctnDt", _tag("Dt", day) if self.is_new else day),
            _tag("Dbtr", self.name(order.debtor.holder, field="debtor", whose=say("the lender"))),
            _tag("DbtrAcct", _account(order.debtor), _tag("Ccy", order.currency)),
            _tag("DbtrAgt", bank),
            *[self.transfer(transfer) for transfer in order.transfers],
        )

    def kind(self) -> Element | None:
        """The kind of all payments of the block, where the bank wants it."""
        instrument = self.wishes.local_instrument
        return _kind(self.wishes.priority, "" if instrument == "mode" else instrument)

    def own_kind(self, transfer: CreditTransfer) -> Element | None:
        """The kind of one payment, where the bank wants its mode."""
        return _kind("", transfer.mode if self.wishes.local_instrument == "mode" else "")

    def sums(self) -> tuple[Element, Element]:
        return _tag("NbOfTxs", str(self.order.count)), _tag("CtrlSum", self.amount(self.order.total))

    def transfer(self, transfer: CreditTransfer) -> Element:
        reference, whose = transfer.reference, say("the payee of {reference}", reference=transfer.reference)
        amount = _tag("InstdAmt", self.amount(transfer.amount))
        amount.set("Ccy", self.order.currency)
        bank = self.bank(transfer.creditor)
        return _tag(
            "CdtTrfTxInf",
            _tag("PmtId", _tag("InstrId", reference), _tag("EndToEndId", reference)),
            self.own_kind(transfer),
            _tag("Amt", amount),
            None if bank is None else _tag("CdtrAgt", bank),
            _tag("Cdtr", self.name(transfer.creditor.holder, field="creditor", whose=whose)),
            _tag("CdtrAcct", _account(transfer.creditor)),
            _remittance(transfer),
        )

    def amount(self, minor: int) -> str:
        return f"{to_major(minor, self.exponent):f}"

    def name(self, name: str, *, field: str, whose: str) -> Element:
        return _tag("Nm", bank_name(name, longest=LONGEST_TEXT, field=field, whose=whose))

    def bank(self, account: AccountNumber) -> Element | None:
        """The account's bank by BIC, IFSC or both; None when it follows from the IBAN."""
        if account.bic is None and account.ifsc is None:
            return None
        bic = None if account.bic is None else _tag("BICFI" if self.is_new else "BIC", account.bic)
        if account.ifsc is None:
            return _tag("FinInstnId", bic)
        branch = _tag("ClrSysMmbId", _tag("ClrSysId", _tag("Cd", "INFSC")), _tag("MmbId", account.ifsc))
        return _tag("FinInstnId", bic, branch)


def _kind(priority: str, instrument: str) -> Element | None:
    if not priority and not instrument:
        return None
    return _tag(
        "PmtTpInf",
        _tag("InstrPrty", priority) if priority else None,
        _tag("LclInstrm", _tag("Prtry", instrument)) if instrument else None,
    )


def _account(account: AccountNumber) -> Element:
    if account.iban is not None:
        return _tag("Id", _tag("IBAN", account.iban))
    scheme = _tag("SchmeNm", _tag("Cd", "BBAN"))
    return _tag("Id", _tag("Othr", _tag("Id", account.account_number), scheme))


def _remittance(transfer: CreditTransfer) -> Element | None:
    text = bank_text(transfer.remittance)
    if not text:
        return None
    whose = say("The remittance text of {reference}", reference=transfer.reference)
    text = shortened(text, longest=LONGEST_TEXT, field="remittance", whose=whose)
    return _tag("RmtInf", _tag("Ustrd", text))
