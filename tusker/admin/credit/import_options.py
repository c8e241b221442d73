"""What was chosen for a file's columns, as the import takes it."""

from __future__ import annotations

from tusker.admin.credit.import_forms import MappingForm, strptime_pattern
from tusker.carriers.registry import MANUAL, get_carriers
from tusker.services.credit.importing.file import ImportOptions


def options_of(form: MappingForm) -> ImportOptions:
    """How the file is read; raises `InvalidInput` naming the field of a column that was not chosen."""
    return ImportOptions(
        mapping=form.mapping(),
        date_format=strptime_pattern(form.date_format.data or ""),
        carrier=form.default_carrier.data or MANUAL,
        carriers=frozenset(get_carriers()),
        retry_refused=form.retry_refused.data,
    )
