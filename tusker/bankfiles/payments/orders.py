"""The rules for every payment order, whatever file carries it, and the account that pays."""

import re
from collections.abc import Mapping
from typing import Any

from tusker.bankfiles.texts import checked_reference
from tusker.domain.accounts import AccountNumber
from tusker.domain.bank.banking import PaymentOrder
from tusker.domain.money import MAX_AMOUNT
from tusker.errors import InvalidInput
from tusker.messages import say

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Za-z0-9]{1,30}")
_NUMBER = re.compile(r"[A-Za-z0-9\-/.]{1,34}")
_IFSC = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}")
_BIC = re.compile(r"[A-Z]{6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3})?")
_CURRENCY = re.compile(r"[A-Z]{3}")


def check_order(order: PaymentOrder) -> None:
    """Raise `InvalidInput` naming the field of the first thing for which a bank would refuse the order.

    Check digits were verified when the accounts were taken in; here only their shape is.
    """
    checked_reference(order.message_id, field="message_id", what=say("The message id"))
    if order.created_at.tzinfo is None:
        raise InvalidInput("The time of the order has no time zone.", field="created_at")
    if not _CURRENCY.fullmatch(order.currency):
        raise InvalidInput(
            "“{currency}” is not a currency such as INR.", currency=order.currency[:10], field="currency"
        )
    if not order.transfers:
        raise InvalidInput("The order has nothing to pay.", field="transfers")
    check_account(order.debtor, field="debtor", whose=say("the lender"))
    seen: set[str] = set()
    for transfer in order.transfers:
        checked_reference(transfer.reference, field="reference", what=say("The payout's reference"))
        if transfer.reference in seen:
            raise InvalidInput(
                "The reference {reference} is there twice.", reference=transfer.reference, field="reference"
            )
        seen.add(transfer.reference)
        if not 0 < transfer.amount <= MAX_AMOUNT:
            raise InvalidInput(
                "The amount of {reference} must be more than zero and not exceed what banks take.",
                reference=transfer.reference,
                field="amount",
            )
        check_account(
            transfer.creditor,
            field="creditor",
            whose=say("the payee of {reference}", reference=transfer.reference),
        )
    if order.total >= 10**18:
        raise InvalidInput("The order's total has more digits than a bank file can carry.", field="amount")


def check_account(account: AccountNumber, *, field: str, whose: str) -> None:
    """Raise `InvalidInput` unless the account is complete and its parts look as they must."""
    if (account.iban is None) == (account.account_number is None):
        raise InvalidInput(
            "The account of {whose} needs an IBAN or an account number.", whose=whose, field=field
        )
    if account.iban is None and account.ifsc is None and account.bic is None:
        raise InvalidInput(
            "The account number of {whose} needs the IFSC or BIC of its bank with it.",
            whose=whose,
            field=field,
        )
    for name, value, shape in (
        ("IBAN", account.iban, _IBAN),
        (say("account number"), account.account_number, _NUMBER),
        ("IFSC", account.ifsc, _IFSC),
        ("BIC", account.bic, _BIC),
    ):
        if value is not None and not shape.fullmatch(value):
            raise InvalidInput(
                "The {name} of {whose} is not one: “{value}”.",
                name=name,
                whose=whose,
                value=value[:40],
                field=field,
            )


def lender_account(config: Mapping[str, Any]) -> AccountNumber:
    """The account as configured; raises `InvalidInput` naming the variable that is missing or wrong.

    Asked when a file is made, not at the start: an installation that pays by hand needs none.
    """
    iban, number = config["LENDER_IBAN"] or None, config["LENDER_ACCOUNT_NUMBER"] or None
    ifsc, bic = config["LENDER_IFSC"] or None, config["LENDER_BIC"] or None
    if iban is None and number is None:
        raise InvalidInput(
            "LENDER_IBAN or LENDER_ACCOUNT_NUMBER is not set; without it no bank file can be made.",
            field="LENDER_ACCOUNT_NUMBER",
        )
    if iban is not None and number is not None:
        raise InvalidInput("Set LENDER_IBAN or LENDER_ACCOUNT_NUMBER, not both.", field="LENDER_IBAN")
    if number is not None and ifsc is None and bic is None:
        raise InvalidInput(
            "LENDER_IFSC or LENDER_BIC is not set; LENDER_ACCOUNT_NUMBER needs one of them with it.",
            field="LENDER_IFSC",
        )
    account = AccountNumber(config["LENDER_ACCOUNT_HOLDER"], iban, number, ifsc, bic)
    check_account(account, field="LENDER_IBAN" if iban else "LENDER_ACCOUNT_NUMBER", whose=say("the lender"))
    return account
