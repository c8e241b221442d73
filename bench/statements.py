"""How long a large bank statement takes: read, stored and matched by one process beside real PostgreSQL.

    make bench-statements         or   python -m bench.statements --rows 50000 --format csv --format camt

The book holds 20,000 invoices (see `bench.books`), and a share of the entries fits its open loans: by invoice's number,
amount and payer, by the amount alone, or by the number with another amount. Another share carries the UTRs of payouts.

Prints seconds by the clock, seconds of the processor in this process and in the database's, and the most memory that it
took.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import resource
import secrets
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from flask_migrate import upgrade
from sqlalchemy import text

import config
from bench.books import fill
from bench.polling import environment
from tools.local.servers import local_servers
from tusker import clock
from tusker.app import create_app
from tusker.extensions import db
from tusker.queries.loans.loans import open_loans
from tusker.services.bank.file import read_configured
from tusker.services.bank.importing import import_statement
from tusker.services.context import Context
from tusker.transactions import transaction

ACCOUNT = "000111222333"
FIRST = date(2026, 2, 1)
EARLIER = timedelta(365)
"""The camt.053 tells of a year before, or it would list the same movements once more."""
A_DAY = 2_000


class Fitting(NamedTuple):
    """Money that came in today and fits an open loan, or left and is a payout's."""

    amount: int
    text: str
    payer: str
    utr: str = ""


def main() -> int:
    """Write a statement of each format, import it, and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--invoices", type=int, default=20_000)
    parser.add_argument(
        "--fitting", type=float, default=0.03, help="share of the entries that fit open loans"
    )
    parser.add_argument("--paid", type=float, default=0.02, help="share that carries UTRs of payouts")
    parser.add_argument("--format", action="append", choices=sorted(WRITERS), dest="formats")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="tusker-bench-") as folder,
        local_servers(Path(folder) / "servers", durable=True) as servers,
    ):
        environ = environment(servers.database_url, servers.redis_url, Path(folder))
        environ |= {"CURRENCY": "INR", "LENDER_ACCOUNT_NUMBER": ACCOUNT, "LENDER_IFSC": "DEMO0000001"}
        app = create_app(config.load(environ))
        with app.app_context():
            upgrade()
            url = servers.database_url.replace("+psycopg2", "")
            fill(url, options.invoices, clock.today(), clock.now(), secrets.token_hex(8))
            count, paid = int(options.rows * options.fitting), int(options.rows * options.paid)
            for place, name in enumerate(options.formats or sorted(WRITERS)):
                fitting = [*_paid(paid, skip=place * paid), *_fitting(count, skip=place * count)]
                db.session.rollback()
                _measure(name, WRITERS[name](options.rows, fitting))
    return 0


def _fitting(count: int, *, skip: int) -> list[Fitting]:
    """Credits of today that fit open loans of the book."""
    loans = itertools.cycle(open_loans(clock.today())[skip:])
    return [
        Fitting(
            row.live.total + 100 * (kind == 2),
            "" if kind == 1 else f"OUR PAYMENT {row.number}",
            row.purchaser if kind == 0 else "",
        )
        for kind, row in zip(itertools.cycle(range(3)), itertools.islice(loans, count), strict=False)
    ]


def _paid(count: int, *, skip: int) -> list[Fitting]:
    """Debits of today with the UTRs of payouts that nobody saw on a statement yet."""
    chosen = "SELECT id FROM payouts WHERE statement_entry_id IS NULL AND state = 'confirmed' ORDER BY id OFFSET :skip"
    rows = db.session.execute(
        text(
            "UPDATE payouts SET bank_reference = 'HDFCR520260302' || lpad(id::text, 8, '0')"
            f" WHERE id IN ({chosen} LIMIT :count) RETURNING net, bank_reference"
        ),
        {"skip": skip, "count": count},
    ).all()
    db.session.commit()
    return [Fitting(-row.net, "", "SUPPLIER", row.bank_reference) for row in rows]


def _of_database() -> float:
    """Seconds of the processor that this session's process of the database took."""
    pid = db.session.scalar(text("SELECT pg_backend_pid()"))
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _measure(name: str, data: bytes) -> None:
    ctx = Context(actor_id=None, actor="bench", now=clock.now(), today=clock.today())
    clocks = [(time.perf_counter(), time.process_time())]
    read = read_configured(data, name)
    clocks.append((time.perf_counter(), time.process_time()))
    before = _of_database()
    with transaction():
        result = import_statement(ctx, read, digest=hashlib.sha256(data).hexdigest(), file_name=name)
    clocks.append((time.perf_counter(), time.process_time()))
    in_database = _of_database() - before
    reading, storing = (
        f"{later[0] - before[0]:.1f} s (processor {later[1] - before[1]:.1f})"
        for before, later in itertools.pairwise(clocks)
    )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{name}: {result.words} Read in {reading}, stored and matched in {storing}"
        f" and {in_database:.1f} of the database's, {memory} MB"
    )


def hdfc_csv(rows: int, fitting: Sequence[Fitting]) -> bytes:
    """A statement as HDFC's net banking exports it; every tenth row is a debit."""
    lines = [
        f"Account No : {ACCOUNT}",
        "Date,Narration,Chq./Ref.No.,Value Dt,Withdrawal Amt.,Deposit Amt.,Closing Balance",
    ]
    balance = 0
    for row in range(rows):
        fits = _fits(row, rows, fitting)
        signed = fits.amount if fits else _amount(row)
        day = f"{clock.today() if fits else _day(row):%d/%m/%y}"
        balance += signed
        out, came = ("", _plain(signed)) if signed > 0 else (_plain(-signed), "")
        utr = (fits and fits.utr) or f"N{row:015d}"
        who, words = (fits.payer or "CASH", fits.text) if fits else ("ACME LTD", f"OUR {row}")
        told = f"NEFT {'CR' if signed > 0 else 'DR'}-BANK0000001-{who}-{words}-{utr}"
        lines.append(f"{day},{told},{utr},{day},{out},{came},{_plain(balance)}")
    return "\n".join(lines).encode()


def camt053(rows: int, fitting: Sequence[Fitting]) -> bytes:
    """The same movements as a camt.053; 50,000 of them are just below what a file may have."""
    space = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
    entries = "".join(_entry(row, _fits(row, rows, fitting)) for row in range(rows))
    return (
        f'<Document xmlns="{space}"><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr><Stmt><Id>S-1</Id>'
        f"<Acct><Id><Othr><Id>{ACCOUNT}</Id></Othr></Id></Acct>{entries}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def _entry(row: int, fits: Fitting | None) -> str:
    signed = fits.amount if fits else _amount(row)
    who, words = (fits.payer, fits.text or fits.utr) if fits else ("ACME LTD", f"OUR {row}")
    day = clock.today() if fits else _day(row) - EARLIER
    side = "CRDT" if signed > 0 else "DBIT"
    return (
        f'<Ntry><Amt Ccy="INR">{_plain(abs(signed))}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>{day}</Dt></BookgDt><AcctSvcrRef>C{row}</AcctSvcrRef>"
        f"<NtryDtls><TxDtls><Refs><EndToEndId>E{row}</EndToEndId></Refs>"
        f"<RltdPties><Dbtr><Pty><Nm>{who}</Nm></Pty></Dbtr></RltdPties>"
        f"<RmtInf><Ustrd>{words}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def _fits(row: int, rows: int, fitting: Sequence[Fitting]) -> Fitting | None:
    """The last rows are those that fit, so that the days stay in order."""
    place = row - (rows - len(fitting))
    return fitting[place] if place >= 0 else None


def _day(row: int) -> date:
    return FIRST + timedelta(row // A_DAY)


def _amount(row: int) -> int:
    return (-1 if row % 10 == 9 else 1) * (1_000_00 + row * 7)


def _plain(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


WRITERS: dict[str, Callable[[int, Sequence[Fitting]], bytes]] = {"camt": camt053, "csv": hdfc_csv}

if __name__ == "__main__":
    raise SystemExit(main())
