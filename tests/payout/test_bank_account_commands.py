"""`flask set-bank-account`, `list-bank-accounts`."""

from __future__ import annotations

import pytest

from tests.support.bank_accounts import NEW, Run
from tests.support.values import PASSWORD
from tusker.extensions import db
from tusker.models import BankAccount, Customer
from tusker.queries.payout.bank_accounts import active_accounts
from tusker.services.context import Context

NAME = "Asha Textiles"
SET = (
    "set-bank-account",
    NAME,
    "--iban",
    "DE89 3704 0044 0532 0130 00",
    "--bic",
    "COBADEFFXXX",
    "--as",
    "Maker@example.com",
)


@pytest.mark.usefixtures("four_eyes")
def test_one_admin_proposes_and_another_accepts(
    run: Run, supplier: Customer, maker: Context, checker: Context
) -> None:
    code, said = run(*SET)
    assert (code, "Proposed as 1" in said) == (0, True), said
    assert active_accounts([supplier.id]) == {}
    assert run("approve", "1", "--as", "checker@example.com", "--password", PASSWORD)[0] == 0
    used = active_accounts([supplier.id])[supplier.id]
    assert (used.account, used.proposed_by, used.decided_by) == (NEW, maker.actor_id, checker.actor_id)
    assert used.second_admin
    assert "active\tAsha Textiles\tDE89370400440532013000 COBADEFFXXX" in run("list-bank-accounts", NAME)[1]


@pytest.mark.usefixtures("maker")
def test_without_a_second_admin_it_counts_at_once(run: Run, supplier: Customer) -> None:
    code, said = run(*SET)
    assert (code, "is paid to DE89 3704" in said) == (0, True), said
    used = active_accounts([supplier.id])[supplier.id]
    assert (used.account, used.second_admin) == (NEW, False)


@pytest.mark.usefixtures("maker", "supplier")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set-bank-account", NAME, "--iban", "DE00", "--as", "maker@example.com"), "iban: "),
        (("set-bank-account", NAME, "--as", "maker@example.com"), "iban: Enter an IBAN"),
        (("set-bank-account", NAME, "--iban", NEW.iban, "--as", "nobody@example.com"), "as: No active admin"),
        (("set-bank-account", NAME, "--iban", NEW.iban), "--as"),
        (("set-bank-account", "Nobody", "--iban", NEW.iban, "--as", "maker@example.com"), "customer: "),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_stored(run: Run, words: tuple[str, ...], said: str) -> None:
    code, output = run(*words)
    assert code != 0
    assert said in output
    assert db.session.query(BankAccount).count() == 0
