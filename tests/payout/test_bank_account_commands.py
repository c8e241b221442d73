"""`flask set-bank-account`, `approve-bank-account`, `refuse-bank-account`, `list-bank-accounts`."""

from __future__ import annotations

import pytest

from tests.support.bank_accounts import NEW, Run
from tests.support.values import PASSWORD
from tusker.extensions import db
from tusker.models import BankAccount, Customer, Event
from tusker.queries.payout.bank_accounts import active_accounts
from tusker.services.context import Context

NAME = "Asha Textiles"


@pytest.mark.usefixtures("four_eyes")
def test_one_admin_proposes_and_another_approves(
    run: Run, supplier: Customer, maker: Context, checker: Context
) -> None:
    code, said = run("set-bank-account", NAME, "--iban", "DE89 3704 0044 0532 0130 00", "--bic", "COBADEFFXXX",
                     "--as", "Maker@example.com")  # fmt: skip
    assert (code, "It awaits its approval" in said) == (0, True), said
    code, said = run("approve-bank-account", NAME, "--as", "maker@example.com", "--password", PASSWORD)
    assert (code, "another admin must approve" in said) == (1, True), said
    code, said = run("approve-bank-account", NAME, "--as", "checker@example.com", "--password", PASSWORD)
    assert (code, "is paid to DE89 3704" in said) == (0, True), said
    assert active_accounts([supplier.id])[supplier.id].account == NEW
    event = db.session.query(Event).filter_by(kind="bank_account_approved").one()
    assert (event.actor_id, event.actor) == (checker.actor_id, "Test admin (flask approve-bank-account)")
    assert "active\tAsha Textiles\tDE89370400440532013000 COBADEFFXXX" in run("list-bank-accounts", NAME)[1]


@pytest.mark.usefixtures("maker")
def test_a_proposal_is_refused_with_a_reason(run: Run, supplier: Customer) -> None:
    run("set-bank-account", NAME, "--account-number", "50100012345678", "--ifsc", "HDFC0000123", "--as",
        "maker@example.com")  # fmt: skip
    code, said = run("refuse-bank-account", NAME, "--reason", "Mistyped", "--as", "maker@example.com")
    assert code == 0, said
    assert db.session.query(BankAccount).one().state == "refused"


@pytest.mark.usefixtures("maker", "supplier")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set-bank-account", NAME, "--iban", "DE00", "--as", "maker@example.com"), "iban: "),
        (("set-bank-account", NAME, "--as", "maker@example.com"), "iban: Enter an IBAN"),
        (("set-bank-account", NAME, "--iban", NEW.iban, "--as", "nobody@example.com"), "as: No active admin"),
        (("set-bank-account", NAME, "--iban", NEW.iban), "--as"),
        (("set-bank-account", "Nobody", "--iban", NEW.iban, "--as", "maker@example.com"), "customer: "),
        (
            ("approve-bank-account", NAME, "--as", "maker@example.com", "--password", PASSWORD),
            "customer: No new bank details",
        ),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_stored(run: Run, words: tuple[str, ...], said: str) -> None:
    code, output = run(*words)
    assert code != 0
    assert said in output
    assert db.session.query(BankAccount).count() == 0
