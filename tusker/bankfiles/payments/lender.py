"""The lender's own account, which payouts leave from."""

from collections.abc import Mapping
from typing import Any

from tusker.bankfiles.payments.orders import check_account
from tusker.domain.accounts import AccountNumber
from tusker.errors import InvalidInput
from tusker.messages import say


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
