"""The bulk files of common banks, as data: columns, days, words for the mode of payment, and what a bank does not take.

The columns are those of the banks' own templates as public integrations write them: HDFC's ENet file (28 columns
without a head), ICICI's payment file of its corporate net banking, IDFC FIRST's bulk payment sheet (15 columns, as
several public exporters of payouts write it) and Axis' bulk payment sheet (payment method, amount, activation date, as
public exporters with Axis' IFSC prefix UTIB write it). The row of hints below the heads of a bank's own spreadsheet is
no part of a file. A bank that gave a lender another template is written out in BANK_CSV_COLUMNS.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tusker.domain.payout.payment_modes import Mode


@dataclass(frozen=True, slots=True)
class Column:
    """A header and the values below it: a field, or the same words in every row."""

    header: str
    field: str | None
    words: str = ""


@dataclass(frozen=True, slots=True)
class BulkProfile:
    """What a bank wants in its bulk file. `modes` are its words for the modes of payment, `plain` says that it takes
    letters, digits and blanks only, `longest_name` the characters of a name."""

    columns: tuple[Column, ...]
    has_head: bool = True
    days: str = "%Y-%m-%d"
    modes: Mapping[Mode, str] = field(default_factory=dict)
    plain: bool = False
    longest_name: int = 140

    def mode(self, mode: Mode) -> str:
        """The bank's word for a mode; one that its file does not have goes by NEFT, which takes any amount."""
        if not self.modes:
            return mode
        return self.modes.get(mode) or self.modes["NEFT"]


def _blank(*headers: str) -> tuple[Column, ...]:
    return tuple(Column(header, None) for header in headers)


PROFILES: Mapping[str, BulkProfile] = {
    "hdfc": BulkProfile(
        (
            Column("Transaction Type", "mode"),
            *_blank("Beneficiary Code"),
            Column("Beneficiary Account Number", "account_number"),
            Column("Instrument Amount", "amount"),
            Column("Beneficiary Name", "holder"),
            *_blank("Drawee Location", "Print Location"),
            *_blank(*(f"Bene Address {number}" for number in range(1, 6))),
            *_blank("Instruction Reference Number"),
            Column("Customer Reference Number", "reference"),
            Column("Payment details 1", "reference"),
            *_blank(*(f"Payment details {number}" for number in range(2, 8))),
            *_blank("Cheque Number"),
            Column("Chq / Trn Date", "execution_date"),
            *_blank("MICR Number"),
            Column("IFC Code", "ifsc"),
            *_blank("Bene Bank Name", "Bene Bank Branch Name", "Beneficiary email id"),
        ),
        has_head=False,
        days="%d/%m/%Y",
        modes={"FT": "I", "NEFT": "N", "RTGS": "R"},
        plain=True,
        longest_name=40,
    ),
    "icici": BulkProfile(
        (
            Column("PYMT_PROD_TYPE_CODE", None, "PAB_VENDOR"),
            Column("PYMT_MODE", "mode"),
            Column("DEBIT_ACC_NO", "debtor_account"),
            Column("BNF_NAME", "holder"),
            Column("BENE_ACC_NO", "account_number"),
            Column("BENE_IFSC", "ifsc"),
            Column("AMOUNT", "amount"),
            Column("DEBIT_NARR", "reference"),
            Column("CREDIT_NARR", "reference"),
            *_blank("MOBILE_NUM", "EMAIL_ID"),
            Column("REMARK", "remittance"),
            Column("PYMT_DATE", "execution_date"),
            Column("REF_NO", "reference"),
        ),
        days="%d-%m-%Y",
        modes={"FT": "FT", "NEFT": "NEFT", "RTGS": "RTGS", "IMPS": "IMPS"},
        plain=True,
        longest_name=32,
    ),
    "idfc": BulkProfile(
        (
            Column("Beneficiary Name", "holder"),
            Column("Beneficiary Account Number", "account_number"),
            Column("IFSC", "ifsc"),
            Column("Transaction Type", "mode"),
            Column("Debit Account Number", "debtor_account"),
            Column("Transaction Date", "execution_date"),
            Column("Amount", "amount"),
            Column("Currency", "currency"),
            *_blank("Beneficiary Email ID"),
            Column("Remarks", "reference"),
            *_blank(*(f"Custom Header – {number}" for number in range(1, 6))),
        ),
        days="%d/%m/%Y",
        modes={"FT": "IFT", "NEFT": "NEFT", "RTGS": "RTGS"},
        plain=True,
    ),
    "axis": BulkProfile(
        (
            Column("Payment Method Name", "mode"),
            Column("Payment Amount (Request)", "amount"),
            Column("Activation Date", "execution_date"),
            Column("Beneficiary Name (Request)", "holder"),
            Column("Account No", "account_number"),
            *_blank("Email", "Email Body"),
            Column("Debit Account No", "debtor_account"),
            Column("CRN No", "reference"),
            Column("Receiver IFSC Code", "ifsc"),
            Column("Receiver Account Type", None, "11"),
        ),
        days="%d/%m/%Y",
        modes={"FT": "I", "NEFT": "N", "RTGS": "R"},
        plain=True,
    ),
}
