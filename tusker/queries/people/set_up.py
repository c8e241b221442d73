"""What is set up and what is still missing before the first invoice can be financed."""

from typing import Any

from sqlalchemy import Row, text

from tusker.extensions import db

_SQL = """
    SELECT EXISTS (SELECT FROM supplier_accounts) AND EXISTS (SELECT FROM purchaser_accounts) AS customers,
        EXISTS (SELECT FROM supplier_accounts WHERE limit_amount > 0)
            AND EXISTS (SELECT FROM purchaser_accounts WHERE limit_amount > 0) AS limits,
        EXISTS (SELECT FROM credit_lines WHERE limit_amount > 0) AS line,
        EXISTS (SELECT FROM bank_accounts WHERE state = 'active') AS bank_details,
        (SELECT count(*) FROM users WHERE role = 'admin' AND active) AS admins,
        NOT EXISTS (
            SELECT FROM users u WHERE u.role = 'admin' AND u.active
                AND NOT EXISTS (SELECT FROM second_factors f WHERE f.user_id = u.id)
        ) AS factors
"""


def set_up() -> Row[*tuple[Any, ...]]:
    """How far the installation is set up."""
    return db.session.execute(text(_SQL)).one()
