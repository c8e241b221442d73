"""A released disbursal as files for the bank."""

from typing import cast

from flask import Response, current_app, request
from flask.typing import ResponseReturnValue

from tusker.admin.blueprint import bp
from tusker.bankfiles.payments.bulk_csv import write_bulk_csv
from tusker.bankfiles.payments.orders import lender_account
from tusker.bankfiles.payments.pain001 import Version, Wishes, write_pain001
from tusker.currency import currency
from tusker.domain.bank.banking import PaymentOrder
from tusker.errors import InvalidInput
from tusker.models import Role
from tusker.services.payout.release.payment_orders import take_payment_order
from tusker.transactions import transaction
from tusker.web.access import acting, allow


@bp.get("/disbursals/<int:disbursal_id>/pain.001.xml")
@allow(Role.ADMIN, costly=True)
def payment_file(disbursal_id: int) -> ResponseReturnValue:
    """ISO 20022 pain.001 in the configured version, or in that of `?version=09` or `03`."""
    version = request.args.get("version") or current_app.config["PAIN_VERSION"]
    if version not in {"09", "03"}:
        raise InvalidInput("The version must be 09 or 03.", field="version")
    with transaction():
        order = _order(disbursal_id, f"pain.001.001.{version}")
        config = current_app.config
        wishes = Wishes(config["PAIN_PRIORITY"], config["PAIN_LOCAL_INSTRUMENT"])
        data = write_pain001(order, cast(Version, version), currency().exponent, wishes)
    return _download(data, f"{order.message_id}.pain.001.001.{version}.xml", "application/xml")


@bp.get("/disbursals/<int:disbursal_id>/bank.csv")
@allow(Role.ADMIN, costly=True)
def bulk_file(disbursal_id: int) -> ResponseReturnValue:
    """A bulk file in CSV, with the columns of `BANK_CSV_COLUMNS`."""
    with transaction():
        order = _order(disbursal_id, "csv")
        data = write_bulk_csv(order, current_app.config["BANK_CSV_COLUMNS"], currency().exponent)
    return _download(data, f"{order.message_id}.bank.csv", "text/csv")


def _order(disbursal_id: int, kind: str) -> PaymentOrder:
    return take_payment_order(
        acting(),
        disbursal_id,
        debtor=lender_account(current_app.config),
        initiator=current_app.config["LENDER_NAME"],
        kind=kind,
    )


def _download(data: bytes, name: str, mimetype: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(data, mimetype=mimetype, headers=headers)
