"""Credit lines: opening them, changing limit, dates and terms, suspending them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.exc import IntegrityError

from tusker.currency import currency
from tusker.domain.financeable import Wishes
from tusker.domain.limits import Bound
from tusker.domain.terms import Terms
from tusker.errors import Duplicate, InvalidInput
from tusker.extensions import db
from tusker.models import CreditLine, LineStatus, PurchaserAccount, SupplierAccount
from tusker.services.attention import WATCH_JOB
from tusker.services.context import Context
from tusker.services.credit.customers import new_terms, set_terms
from tusker.services.credit.limit_days import note_limit
