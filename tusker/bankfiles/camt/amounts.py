"""The amounts of camt messages: what was booked, what the payment itself was, and what the bank took."""

from typing import NamedTuple
from xml.etree.ElementTree import Element

from tusker.bankfiles.hardened import all_at, at
from tusker.bankfiles.movements import Skip, in_other_currency, minor_units
from tusker.domain.bank.banking import Direction


class Amounts(NamedTuple):
    """Reads amounts in `currency`, with `exponent` decimals; those without a currency are in the account's `own`."""

    currency: str
    exponent: int
    own: str

    def read(self, element: Element | None) -> int:
        """An amount in minor units; raises `Skip` when it is missing, of another currency or not exact."""
        if element is None or not (element.text or "").strip():
            raise Skip("no amount")
        stated = (element.get("Ccy") or self.own).strip()
        if stated != self.currency:
            raise in_other_currency(stated, self.currency)
        return minor_units(element.text or "", self.exponent)

    def instructed(self, direction: Direction, booked: int, detail: Element, *more: Element) -> int | None:
        """The amount of the payment itself, where the bank writes it and it is not what was booked: as the transaction
        or the whole batch says, or by the charges that are marked as included. Zero and other currencies say
        nothing."""
        paths = ("AmtDtls/InstdAmt/Amt", "AmtDtls/TxAmt/Amt", "Amt", "NtryDtls/Btch/TtlAmt")
        for path in paths if detail.find("AmtDtls") is not None else paths[2:]:
            try:
                amount = self.read(at(detail, path))
            except Skip:
                continue
            if amount not in {0, booked}:
                return amount
        charges = next(filter(None, (self.charges(each, included=True) for each in (detail, *more))), 0)
        if not charges:
            return None
        return booked + (charges if direction == "credit" else -charges)

    def charges(self, element: Element, *, included: bool) -> int:
        """The charges that the bank names in an entry or transaction; with `included` only those marked as part of
        the booked amount."""
        if element.find("Chrgs") is None:
            return 0
        total = 0
        for record in all_at(element, "Chrgs/Rcrd") or element.findall("Chrgs"):
            if included and (record.findtext("ChrgInclInd") or "").strip() not in {"true", "1"}:
                continue
            try:
                amount = self.read(record.find("Amt"))
            except Skip:
                continue
            total += -amount if (record.findtext("CdtDbtInd") or "").strip() == "CRDT" else amount
        return max(total, 0)

    def of_detail(self, detail: Element) -> int:
        """The amount of one transaction of a batch; raises `Skip`."""
        tried = [at(detail, path) for path in ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt")]
        there = [element for element in tried if element is not None]
        own = [element for element in there if element.get("Ccy", self.own) == self.currency]
        amount = self.read(own[0] if own else None)
        if amount == 0:
            raise Skip("one of its details has no amount")
        return amount
