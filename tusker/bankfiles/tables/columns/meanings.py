"""Words of banks' heads and what they mean: a bank whose heads are not understood needs a word here and a fixture."""

import re
from collections.abc import Mapping

_SAME_WORD = {
    said: word
    for word, others in {
        "amount": "amt amounts betrag umsatz bedrag belopp beløp beløb montant importe importo kwota",
        "balance": "bal saldo solde",
        "cheque": "chq cheq check chqno chequeno",
        "credit": "cr credits credited deposit deposits haben lodgement lodgements receipts",
        "date": "dt dat",
        "debit": "dr db debits debited payments withdrawal withdrawals withdrawl withdrawls soll",
        "number": "no num nr",
        "reference": "ref refno",
        "transaction": "txn tran trans trn",
        "account": "acct ac acc",
    }.items()
    for said in others.split()
}
_MEANINGS = {
    "booked_on": "date|transaction date|transaction date time|transaction date and time|booking date|posting date"
    "|post date|posted date|date posted|transaction posted date|transaction posting date|entry date|completed date"
    "|date completed|date completed utc|buchungstag|buchungsdatum|datum|boekdatum|date opération|date operation"
    "|date transaction|datetime|date time|date and time|created date|completion date|processed date|booked date"
    "|settlement date|statement date|buchung|date comptable|fecha|fecha operación|fecha operacion"
    "|data operazione|data contabile|date comptabilisation|date de comptabilisation|date d opération|fecha contable"
    "|fecha de operación|fecha mov|data mov|data movimento|data operacji|data księgowania|bokföringsdatum"
    "|bokföringsdag|bokføringsdato|bokføringsdag|bogføringsdato|bokført|dato|transaktionsdatum|transaktionsdag"
    "|created at|date value date",
    "value_date": "value date|val date|valuta|valutadatum|valuta date|wertstellung|wert|rentedatum|interest date"
    "|date valeur|date de valeur|fecha valor|fecha de valor|f valor|data valuta|valutadag|rentedato",
    "value": "value",
    "amount": "amount|transaction amount|net amount|local amount|booked amount|account currency amount"
    "|amount account currency|amount opération|amount operation|amount de l opération|amount operacji",
    "debit": "debit|paid out|money out|amount out|out|paid|outflow|expense|lastschrift|belastung"
    "|belastungen|debit value|débit|cargo|dare|ut|uttag",
    "credit": "credit|paid in|money in|amount in|in|received|inflow|income|gutschrift|credit value|crédit|abono|avere"
    "|inn|insättning",
    "sides": "debit credit|soll haben|drcr|crdr|d c|c d|dc|cd|af bij|d c indicator|c d indicator|s h|h s",
    "direction": "type|transaction type|direction|sign|indicator|nature|transaction nature|sens|entry type"
    "|movement type|vorzeichen",
    "status": "status|state|transaction status|booking status|payment status|info|umsatzstatus|buchungsstatus"
    "|estado|statut|stato|etat|état|transaction state",
    "balance": "balance",
    "currency": "currency|ccy|waehrung|währung|transaction currency|account currency|account ccy|currency code|ccy code"
    "|cur|curr|devise|divisa|munt|moneda|waluta",
    "end_to_end_id": "end to end id|end to end reference|endtoendid|customer reference|customer reference number"
    "|client reference|kundenreferenz end to end|kundenreferenz",
    "bank_reference": "transaction number|referenz|instrument|instrument number|cheque",
    "counterparty": "counterparty|counterparty name|name|payee|payer|payer payee|beneficiary|remitter|sender"
    "|beneficiary name|remitter name|payer name|sender name|beguenstigter zahlungspflichtiger"
    "|begünstigter zahlungspflichtiger|zahlungspflichtige r|zahlungsempfänger in"
    "|begünstigter auftraggeber|beguenstigter auftraggeber|name zahlungsbeteiligter"
    "|auftraggeber empfänger|partner name|naam omschrijving|naam tegenpartij|navn|nazwa kontrahenta",
    "counterparty_account": "counterparty account|counterparty account number|counterparty iban|beneficiary account"
    "|beneficiary account number|remitter account|remitter account number|payer account|payer account number"
    "|sender account|sender account number|kontonummer iban|kontonummer|partner iban|iban zahlungsbeteiligter"
    "|tegenrekening|gegenkonto|tegenrekening iban bban",
    "account": "account|account number|iban|account id|iban bban",
    "own_account": "own account|our account|source account|bank account|bank account number|statement account"
    "|auftragskonto|iban auftragskonto|iban kontoinhaber|rekening|eigen rekening|rekeningnummer",
    "return_reason": "return reason|return code|reason for return|rueckgabegrund|rückgabegrund",
    "remittance": "description|narration|narrative|particulars|remarks|transaction remarks|transaction details|details"
    "|memo|verwendungszweck|payment details|remittance information|transaction description|transaction particulars"
    "|text|transaction narration|description narration|particulars narration|buchungstext|payment reference"
    "|omschrijving|mededelingen|libellé|libelle|concepto|descrizione|account description|bank description"
    "|libellé opération|libelle operation|libellé complet operation|libelle complet operation|tekst|beskrivelse"
    "|beskrivning|omschrijving 1|omschrijving 2|omschrijving 3|avisierungstext|tytuł|opis operacji|descripción",
    "fee": "fee|fees|fee amount|charge|charges|total fees|fremde gebühren|gebühr|gebühren|frais|commission",
}
EITHER = {"sides": "direction", "value": "value_date"}
"""Heads above amounts where figures stand below them, else above something else."""
FIELDS = tuple(name for name in _MEANINGS if name not in {"sides", "account", "value", "fee"})
"""What a column of a statement may hold."""
_KNOWN = {
    key: name
    for name, heads in _MEANINGS.items()
    for head in heads.split("|")
    for key in (head, " ".join(_SAME_WORD.get(word, word) for word in head.split()))
}
_OF_BALANCES = frozenset(
    {"balance", "amount", "closing", "running", "available", "ledger", "account", "current", "after", "total"}
    | {"transaction", "debit", "credit"}
)
_OF_SIDES = frozenset({"debit", "credit", "amount", "transaction", "indicator", "flag", "type", "or"})
_OF_REFERENCES = frozenset(
    {"cheque", "reference", "number", "transaction", "id", "utr", "rrn", "bank", "instrument"}
)
BEST_REFERENCES = ("utr", "rrn", "reference", "id", "transaction", "cheque")
"""Of several columns with references the one whose head has the earlier of these words counts."""
_FILLERS = frozenset({"in", "rs", "the", "of"})
_DATE_SHAPE = re.compile(r"\(?\b([dmy]{1,4})[/.\- ]([dmy]{1,4})[/.\- ]([dmy]{2,4})\b\)?", re.IGNORECASE)
CODE = re.compile(r"\(\s*(?:in\s+)?([A-Z]{3})\s*\)")
SIGNS = "₹$€£¥"
_NAMES = {"eur": "eur(?:os?)?", "inr": "inr|rupees?"}
"""Currencies by their names in heads."""


def meaning(head: str, currency: str, chosen: Mapping[str, str]) -> str | None:
    """What a column with this head holds, `chosen` by a person or by its words; None where they say nothing."""
    if name := chosen.get(spelled(head)):
        return name
    if head.strip() in {"+/-", "-/+", "±"}:
        return "direction"
    every = words_of(head, currency.casefold())
    words = [word for word in every if word not in _FILLERS]
    if name := _KNOWN.get(" ".join(every)) or _KNOWN.get(" ".join(words)) or _KNOWN.get(spelled(head)):
        return name
    said = set(words)
    if "balance" in said and said <= _OF_BALANCES:
        return "balance"
    if said & {"debit", "credit"} and said <= _OF_SIDES:
        return "sides" if {"debit", "credit"} <= said else ("debit" if "debit" in said else "credit")
    if said & {"utr", "rrn", "reference", "id", "cheque"} and said <= _OF_REFERENCES:
        return "bank_reference"
    return None


def words_of(head: str, currency: str = "") -> list[str]:
    """The words of a head in one spelling each, without the currency: Amount in INR."""
    bare = CODE.sub(" ", _DATE_SHAPE.sub(" ", head)).casefold().replace("a/c", "account")
    told = spelled(bare)
    if currency:
        told = re.sub(rf"\b(?:(?:in|en) )?(?:{_NAMES.get(currency, currency)})\b", " ", told)
    return [_SAME_WORD.get(word, word) for word in told.split()]


def spelled(head: str) -> str:
    """The words of a head without case and signs."""
    return " ".join(re.findall(r"\w+", head.casefold().replace("_", " ")))


def order_of(head: str) -> str:
    """`dmy`, `mdy` or `ymd`, when a head states it as (dd/mm/yyyy)."""
    found = _DATE_SHAPE.search(head)
    letters = "".join(part[0].lower() for part in found.groups()) if found else ""
    return letters if letters in {"dmy", "mdy", "ymd"} else ""
