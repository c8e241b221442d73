"""Payment orders as ISO 20022 customer credit transfer initiations (pain.001.001.09 and .03)."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pyiso20022.pain import pain_001_001_03 as v03
from pyiso20022.pain import pain_001_001_09 as v09
from xsdata.formats.dataclass.serializers import XmlSerializer
from xsdata.formats.dataclass.serializers.config import SerializerConfig
from xsdata.models.datatype import XmlDate, XmlDateTime

from tusker.bankfiles.orders import check_order
from tusker.bankfiles.texts import bank_name, bank_text, shortened
from tusker.domain.accounts import AccountNumber
from tusker.domain.banking import CreditTransfer, PaymentOrder
from tusker.domain.money import to_major

Version = Literal["09", "03"]

LONGEST_TEXT = 140
"""Characters of a name and of the unstructured remittance text."""
NO_BANK = "NOTPROVIDED"
"""The scheme's word where the bank follows from the IBAN."""


def write_pain001(order: PaymentOrder, version: Version, exponent: int) -> bytes:
    """The order as a file; the same order gives the same bytes.

    The message id is the payment block's id too, so that whichever of them a statement quotes leads back to the
    order. `exponent` is the number of decimals of the currency. Raises `BankFileError` naming the field for an order
    that a bank would refuse.
    """
    check_order(order)
    return _Version(version, exponent).file(order)


class _Version:
    """One version of the message: the same elements under each version's own types."""

    def __init__(self, version: Version, exponent: int) -> None:
        self.is_new = version == "09"
        self.types: Any = v09 if self.is_new else v03
        self.exponent = exponent

    def file(self, order: PaymentOrder) -> bytes:
        t = self.types
        root = t.CustomerCreditTransferInitiationV09 if self.is_new else t.CustomerCreditTransferInitiationV03
        document = t.Document(
            cstmr_cdt_trf_initn=root(grp_hdr=self.header(order), pmt_inf=[self.block(order)])
        )
        serializer = XmlSerializer(config=SerializerConfig(indent="  ", encoding="UTF-8"))
        text = serializer.render(document, ns_map={"": document.Meta.namespace})
        return text.encode("utf-8")

    def header(self, order: PaymentOrder) -> Any:
        t = self.types
        header = t.GroupHeader85 if self.is_new else t.GroupHeader32
        return header(
            msg_id=order.message_id,
            cre_dt_tm=XmlDateTime.from_datetime(order.created_at.replace(microsecond=0)),
            nb_of_txs=str(order.count),
            ctrl_sum=to_major(order.total, self.exponent),
            initg_pty=self.party(order.initiator, field="initiator", whose="the lender"),
        )

    def block(self, order: PaymentOrder) -> Any:
        """One payment block: one account pays on one day. Each transfer is to be booked by itself, so that the
        statement shows them one by one."""
        t = self.types
        block = t.PaymentInstruction30 if self.is_new else t.PaymentInstructionInformation3
        return block(
            pmt_inf_id=order.message_id,
            pmt_mtd=t.PaymentMethod3Code.TRF,
            btch_bookg=False,
            nb_of_txs=str(order.count),
            ctrl_sum=to_major(order.total, self.exponent),
            reqd_exctn_dt=self.day(order.execution_date),
            dbtr=self.party(order.debtor.holder, field="debtor", whose="the lender"),
            dbtr_acct=self.account(order.debtor, order.currency),
            dbtr_agt=self.bank(order.debtor) or self.bank_unknown(),
            cdt_trf_tx_inf=[self.transfer(transfer, order.currency) for transfer in order.transfers],
        )

    def transfer(self, transfer: CreditTransfer, currency: str) -> Any:
        t, reference = self.types, transfer.reference
        made = t.CreditTransferTransaction34 if self.is_new else t.CreditTransferTransactionInformation10
        ids = t.PaymentIdentification6 if self.is_new else t.PaymentIdentification1
        amount = t.AmountType4Choice if self.is_new else t.AmountType3Choice
        return made(
            pmt_id=ids(instr_id=reference, end_to_end_id=reference),
            amt=amount(
                instd_amt=t.ActiveOrHistoricCurrencyAndAmount(
                    value=to_major(transfer.amount, self.exponent), ccy=currency
                )
            ),
            cdtr_agt=self.bank(transfer.creditor),
            cdtr=self.party(transfer.creditor.holder, field="creditor", whose=f"the payee of {reference}"),
            cdtr_acct=self.account(transfer.creditor),
            rmt_inf=self.remittance(transfer),
        )

    def remittance(self, transfer: CreditTransfer) -> Any:
        t = self.types
        about = t.RemittanceInformation16 if self.is_new else t.RemittanceInformation5
        text = bank_text(transfer.remittance)
        if not text:
            return None
        whose = f"The remittance text of {transfer.reference}"
        return about(ustrd=[shortened(text, longest=LONGEST_TEXT, field="remittance", whose=whose)])

    def day(self, day: date) -> Any:
        value = XmlDate.from_date(day)
        return self.types.DateAndDateTime2Choice(dt=value) if self.is_new else value

    def party(self, name: str, *, field: str, whose: str) -> Any:
        t = self.types
        party = t.PartyIdentification135 if self.is_new else t.PartyIdentification32
        return party(nm=bank_name(name, longest=LONGEST_TEXT, field=field, whose=whose))

    def account(self, account: AccountNumber, currency: str | None = None) -> Any:
        t = self.types
        made = t.CashAccount38 if self.is_new else t.CashAccount16
        if account.iban is not None:
            number = t.AccountIdentification4Choice(iban=account.iban)
        else:
            scheme = t.AccountSchemeName1Choice(cd="BBAN")
            other = t.GenericAccountIdentification1(id=account.account_number, schme_nm=scheme)
            number = t.AccountIdentification4Choice(othr=other)
        return made(id=number, ccy=currency)

    def bank(self, account: AccountNumber) -> Any:
        """The account's bank by BIC, IFSC or both; None when it follows from the IBAN."""
        t = self.types
        if account.bic is None and account.ifsc is None:
            return None
        parts: dict[str, Any] = {}
        if account.bic is not None:
            parts["bicfi" if self.is_new else "bic"] = account.bic
        if account.ifsc is not None:
            parts["clr_sys_mmb_id"] = t.ClearingSystemMemberIdentification2(
                clr_sys_id=t.ClearingSystemIdentification2Choice(cd="INFSC"), mmb_id=account.ifsc
            )
        return self.institution(**parts)

    def bank_unknown(self) -> Any:
        return self.institution(othr=self.types.GenericFinancialIdentification1(id=NO_BANK))

    def institution(self, **parts: Any) -> Any:
        t = self.types
        if self.is_new:
            made, inside = (
                t.BranchAndFinancialInstitutionIdentification6,
                t.FinancialInstitutionIdentification18,
            )
        else:
            made, inside = (
                t.BranchAndFinancialInstitutionIdentification4,
                t.FinancialInstitutionIdentification7,
            )
        return made(fin_instn_id=inside(**parts))
