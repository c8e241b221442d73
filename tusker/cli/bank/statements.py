"""`flask import-statement`: a bank statement from the shell, to look at or to import; and the columns of tables that
are remembered."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from tusker.bankfiles.statements import MAX_BYTES
from tusker.cli import acting_as, change, command_context, commands
from tusker.currency import currency
from tusker.domain.bank.banking import OrderAnswer, StatementFile
from tusker.domain.bank.judgements import Judgement, Suggestion
from tusker.errors import UnreadableFile
from tusker.extensions import db
from tusker.models import EntryState, StatementEntry
from tusker.queries.bank.candidates import judge_entries
from tusker.queries.bank.statements import Outcome, outcomes_of, statement_profiles
from tusker.queries.loans.receipts.listing import names_of_customers
from tusker.services.bank.file import account_notes, is_ours, read_answer, read_configured
from tusker.services.bank.importing import ImportResult, import_statement
from tusker.services.bank.profiles import profile_words, remove_profile
from tusker.services.context import Context
from tusker.services.payout.settlement.bank_answers import take_answer
from tusker.transactions import transaction

_AS_STORED = (
    *("direction", "amount", "bank_reference", "end_to_end_id", "counterparty", "counterparty_account"),
    *("remittance", "return_reason", "state", "note"),
)


class _OnlyLooked(Exception):
    """Takes back what a dry run did."""


@commands.command("import-statement")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be matched and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def import_statement_command(file: Path, dry_run: bool, as_json: bool) -> None:
    """Import the bank statement FILE (camt, MT940, OFX, Excel, ODS or CSV; at most 20 MB).

    Importing it twice adds nothing.
    Debits confirm the payouts they fit exactly, returns undo them; credits wait to be accepted on the page.

    \b
    JSON: {"format", "dry_run", "repeated", "new", "known", "doubtful", "settled",
    "sure", "to_look_at", "parked", "notes": [], "statements": [{"reference", "account", "ours",
    "account_named", "skipped": [], "doubt",
    "entries": [{"direction", "amount", "booked_on", "value_date",
    "bank_reference", "end_to_end_id", "counterparty", "counterparty_account",
    "remittance", "return_reason", "known", "state", "note", "payouts": [],
    "receipt", "verdict", "doubt", "suggestions": [{"customer_id", "customer",
    "score", "reasons": [], "left_over", "parts": [{"loan", "invoice", "amount",
    "due"}]}]}]}]}. Money is an integer in minor units; days are YYYY-MM-DD;
    "verdict" is sure, ambiguous, none, or null for what is no receipt; "ours" is
    null where no account is configured. A foreign account is an error. A known
    entry is shown as it stands now.

    The bank's answer to a payment order (pain.002) fails what it rejected and marks
    what it accepted. JSON: {"format", "dry_run", "disbursal_id", "disbursal",
    "repeated", "rejected": {payout: reason}, "accepted": {payout: code}, "notes": []}.
    """
    if file.stat().st_size > MAX_BYTES:
        raise UnreadableFile(f"{file.name} is larger than {MAX_BYTES // 1024 // 1024} MB.")
    data = file.read_bytes()
    if answer := read_answer(data):
        _take_answer(answer, data, file.name, dry_run=dry_run, as_json=as_json)
        return
    read = read_configured(data, file.name)
    report: dict[str, Any] = {}
    try:
        with transaction():
            ctx = command_context()
            result = import_statement(ctx, read, digest=hashlib.sha256(data).hexdigest(), file_name=file.name)
            report = _report(read, result, dry_run=dry_run)
            if dry_run:
                raise _OnlyLooked
    except _OnlyLooked:
        pass
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        _say(report, result)


@commands.command("list-statement-columns")
def list_columns_command() -> None:
    """Show what persons said of the columns of tables whose heads are not known."""
    for row in statement_profiles():
        click.echo(f"{row.id}  {row.made_at:%Y-%m-%d}  {row.maker}  {profile_words(row)}")


@change("forget-statement-columns")
@click.argument("number", type=int)
@acting_as
def forget_columns_command(number: int, ctx: Context) -> str:
    """Forget the columns with this NUMBER of list-statement-columns."""
    remove_profile(ctx, number)
    return "The saved columns are removed."


def _take_answer(answer: OrderAnswer, data: bytes, name: str, *, dry_run: bool, as_json: bool) -> None:
    """Apply the bank's answer to a payment order, and say what it changed."""
    try:
        with transaction():
            result = take_answer(
                command_context(), answer, digest=hashlib.sha256(data).hexdigest(), file_name=name
            )
            if dry_run:
                raise _OnlyLooked
    except _OnlyLooked:
        pass
    report = {"format": answer.format, "dry_run": dry_run, **asdict(result)}
    click.echo(json.dumps(report, ensure_ascii=False) if as_json else result.words)
    if dry_run and not as_json:
        click.echo("Nothing was written.")


def _report(read: StatementFile, result: ImportResult, *, dry_run: bool) -> dict[str, Any]:
    prints = [fingerprint for part in result.prints for fingerprint in part]
    stored = {
        entry.fingerprint: entry
        for entry in db.session.scalars(select(StatementEntry).where(StatementEntry.fingerprint.in_(prints)))
    }
    waiting = [e for e in stored.values() if e.state in {EntryState.OPEN, EntryState.PARKED}]
    judged = judge_entries(waiting, command_context().today)
    outcomes = outcomes_of(list(stored.values()))
    ids = {s.customer_id for judgement in judged.values() for s in judgement.suggestions}
    names = names_of_customers(ids)
    new_ids = set() if result.repeated else set(result.statement_ids)
    return {
        "format": read.format,
        "dry_run": dry_run,
        "repeated": result.repeated,
        **{
            name: getattr(result, name)
            for name in ("new", "known", "doubtful", "settled", "sure", "to_look_at", "parked")
        },
        "notes": list(account_notes(read)),
        "statements": [
            {
                "reference": statement.reference,
                "account": statement.account,
                "ours": is_ours(statement),
                "account_named": statement.account_named,
                "skipped": list(statement.skipped),
                "doubt": statement.doubt,
                "entries": [
                    _entry(
                        entry,
                        known=entry.statement_id not in new_ids,
                        outcome=outcomes.get(entry.id, Outcome()),
                        judgement=judged.get(entry.id),
                        names=names,
                    )
                    for entry in (stored[fingerprint] for fingerprint in part if fingerprint in stored)
                ],
            }
            for statement, part in zip(read.statements, result.prints, strict=True)
        ],
    }


def _entry(
    entry: StatementEntry,
    *,
    known: bool,
    outcome: Outcome,
    judgement: Judgement | None,
    names: Mapping[int, str],
) -> dict[str, Any]:
    return {
        **{name: getattr(entry, name) for name in _AS_STORED},
        "booked_on": entry.booked_on.isoformat(),
        "value_date": entry.value_date.isoformat(),
        "known": known,
        "payouts": [payout.reference for payout in outcome.payouts],
        "receipt": outcome.receipt or None,
        "verdict": str(judgement.verdict) if judgement else None,
        "doubt": judgement.doubt if judgement else "",
        "suggestions": [_suggestion(s, names) for s in judgement.suggestions] if judgement else [],
    }


def _suggestion(suggestion: Suggestion, names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "customer_id": suggestion.customer_id,
        "customer": names.get(suggestion.customer_id, ""),
        "score": suggestion.score,
        "reasons": list(suggestion.reasons),
        "left_over": suggestion.left_over,
        "parts": [
            {"loan": part.loan.reference, "invoice": part.loan.number, "amount": part.amount, "due": part.due}
            for part in suggestion.parts
        ],
    }


def _say(report: Mapping[str, Any], result: ImportResult) -> None:
    for statement in report["statements"]:
        name = statement["reference"] or "without a reference"
        click.echo(f"Statement {name} of {statement['account'] or 'an account not named'}")
        for note in (*statement["skipped"], *filter(None, [statement["doubt"]])):
            click.echo(f"  {note}")
        for entry in statement["entries"]:
            for line in _lines(entry):
                click.echo(f"  {line}")
    click.echo(" ".join((result.words, *report["notes"])))
    if report["dry_run"]:
        click.echo("Nothing was written.")


def _lines(entry: Mapping[str, Any]) -> Sequence[str]:
    sign = "+" if entry["direction"] == "credit" else "-"
    about = entry["counterparty"] or entry["remittance"][:40] or "–"
    known = ", known already" if entry["known"] else ""
    head = f"{entry['value_date']} {sign}{currency().plain(entry['amount']):>16} {about}"
    verdict = f" ({entry['verdict']})" if entry["verdict"] else ""
    lines = [f"{head}: {entry['state']}{verdict}{known}{'. ' + entry['note'] if entry['note'] else ''}"]
    for suggestion in entry["suggestions"]:
        paid = ", ".join(
            f"{part['invoice']} {currency().plain(part['amount'])}" for part in suggestion["parts"]
        )
        lines.append(
            f"    {suggestion['score']:>3} {suggestion['customer']}: {paid} — {'; '.join(suggestion['reasons'])}"
        )
    return lines
