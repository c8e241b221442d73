"""The transaction inside a booked entry of a camt message: who, what about, and why it came back."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from tusker.bankfiles.hardened import all_at, at, first_text
from tusker.bankfiles.movements import LONGEST, Raw, given
from tusker.bankfiles.reasons import reason_told
from tusker.bankfiles.texts import kept
from tusker.domain.bank.banking import Direction

_RETURN_CODES = frozenset({"RRTN", "RPCR", "RIMB", "PRCT"})
"""Sub-families of bank transaction codes that say that a payment came back."""
_REMITTANCE = (
    "Ustrd",
    "Strd/CdtrRefInf/Ref",
    "Strd/CdtrRefInf/CdtrRef",
    "Strd/RfrdDocInf/Nb",
    "Strd/RfrdDocInf/RfrdDocNb",
    "Strd/AddtlRmtInf",
)
"""The texts inside what the payment is for."""
_EMPTY = Element("Refs")
_PARTY = {
    side: (
        (f"{side}/Nm", f"{side}/Pty/Nm", f"Ultmt{side}/Nm", f"Ultmt{side}/Pty/Nm"),
        tuple(f"{side}Acct/Id/{kind}" for kind in ("IBAN", "Othr/Id", "BBAN", "PrtryAcct/Id")),
    )
    for side in ("Dbtr", "Cdtr")
}
"""Where the name and the account of each side stand."""


@dataclass(frozen=True, slots=True)
class Details:
    """What a transaction says; empty where it says nothing."""

    service_reference: str
    transaction_id: str
    end_to_end_id: str
    batch_reference: str
    counterparty: str
    counterparty_account: str
    remittance: str
    return_reason: str | None

    def merged(
        self,
        whole: Raw,
        *,
        amount: int | None = None,
        instructed: int | None = None,
        direction: Direction | None = None,
        batch: str | None = None,
    ) -> Raw:
        """The entry with what this transaction adds. `amount` is given for a part of a batch, `instructed` where the
        bank writes another amount than the entry's."""
        unique = self.service_reference or (whole.identity[0] if whole.identity else "")
        remittance = self.remittance or whole.remittance
        told = (self.transaction_id, self.end_to_end_id, self.counterparty_account, remittance)
        in_batch = amount is not None
        # an entry's reference is that of the whole batch: its parts differ by their other details
        identity = (unique,) if unique and not in_batch else (unique, *told)
        return whole._replace(
            direction=direction or whole.direction,
            amount=whole.amount if amount is None else amount,
            instructed=instructed,
            entry_reference=whole.identity[0] if in_batch and whole.identity else "",
            bank_reference=self.service_reference or whole.bank_reference or self.transaction_id,
            end_to_end_id=self.end_to_end_id,
            batch_reference=self.batch_reference or batch or whole.batch_reference,
            counterparty=self.counterparty,
            counterparty_account=self.counterparty_account,
            remittance=remittance,
            return_reason=self.return_reason or whole.return_reason,
            identity=identity,
        )


def read_details(element: Element, direction: Direction) -> Details:
    """Read one transaction of an entry that goes in `direction`."""
    reason = reason_of(element) or ("returned" if is_return(element) else None)
    name, account = _counterparty(element, direction, returned=reason is not None)
    blocks = element.findall("RmtInf")
    texts = [found.text or "" for path in _REMITTANCE for block in blocks for found in all_at(block, path)]
    remittance = " ".join(text.strip() for text in texts if text.strip()) or element.findtext("AddtlTxInf")
    references = element.find("Refs")
    holder = _EMPTY if references is None else references
    return Details(
        service_reference=given(holder.findtext("AcctSvcrRef")),
        transaction_id=given(holder.findtext("TxId")),
        end_to_end_id=given(holder.findtext("EndToEndId")),
        batch_reference=batch_of(references),
        counterparty=name,
        counterparty_account=account,
        remittance=kept(remittance, LONGEST["remittance"]),
        return_reason=reason,
    )


def batch_of(element: Element | None) -> str:
    """The id of our payment block or message that the bank quotes here or in the batch's summary below."""
    if element is None:
        return ""
    for holder in (element, element.find("Btch"), at(element, "NtryDtls/Btch")):
        if holder is None:
            continue
        for name in ("PmtInfId", "MsgId"):
            if reference := given(holder.findtext(name)):
                return reference
    return ""


def reason_of(element: Element) -> str | None:
    """The code and words of a return, if there is one."""
    information = element.find("RtrInf")
    if information is None:
        return None
    return kept(reason_told(information, "RtrRsn"), LONGEST["reason"]) or "returned"


def transactions_of(entry: Element) -> list[Element]:
    """The transactions of an entry; the first version of the message has them in the entry itself."""
    return all_at(entry, "NtryDtls/TxDtls") or entry.findall("TxDtls")


def is_return(element: Element) -> bool:
    """Whether this gives back an earlier payment, by the reversal mark or the bank's transaction code."""
    if (element.findtext("RvslInd") or "").strip().lower() in {"true", "1"}:
        return True
    return first_text(element, "BkTxCd/Domn/Fmly/SubFmlyCd") in _RETURN_CODES


def _counterparty(element: Element, direction: Direction, *, returned: bool) -> tuple[str, str]:
    """Name and account of the other side. A return may name the parties as the first payment did: then the payee is
    the one whom it did not reach."""
    sides: tuple[str, ...] = ("Dbtr",) if direction == "credit" else ("Cdtr",)
    if returned:
        sides = ("Cdtr", "Dbtr") if direction == "credit" else ("Dbtr", "Cdtr")
    parties = element.find("RltdPties")
    if parties is None:
        return "", ""
    for side in sides:
        names, numbers = _PARTY[side]
        name, account = first_text(parties, *names), first_text(parties, *numbers)
        if name or account:
            return kept(name, LONGEST["party"]), kept(account, LONGEST["reference"])
    return "", ""
