"""How long a large bank statement takes: read, stored and matched by one process beside real PostgreSQL.

    make bench-statements         or   python -m bench.statements --rows 50000 --format csv --format camt

Prints seconds by the clock, seconds of the processor in this process, and the most memory that it took.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from flask_migrate import upgrade

import config
from bench.polling import environment
from tools.local.servers import local_servers
from tusker import clock
from tusker.app import create_app
from tusker.services.bank.file import read_configured
from tusker.services.bank.importing import import_statement
from tusker.services.context import Context
from tusker.transactions import transaction

ACCOUNT = "000111222333"
FIRST = date(2026, 2, 1)
EARLIER = timedelta(365)
"""The camt.053 tells of a year before, or it would list the same movements once more."""
A_DAY = 2_000


def main() -> int:
    """Write a statement of each format, import it, and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=50_000)
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
            for name in options.formats or sorted(WRITERS):
                _measure(name, WRITERS[name](options.rows))
    return 0


def _measure(name: str, data: bytes) -> None:
    ctx = Context(actor_id=None, actor="bench", now=clock.now(), today=clock.today())
    clocks = [(time.perf_counter(), time.process_time())]
    read = read_configured(data, name)
    clocks.append((time.perf_counter(), time.process_time()))
    with transaction():
        result = import_statement(ctx, read, digest=hashlib.sha256(data).hexdigest(), file_name=name)
    clocks.append((time.perf_counter(), time.process_time()))
    reading, storing = (
        f"{later[0] - before[0]:.1f} s (processor {later[1] - before[1]:.1f})"
        for before, later in itertools.pairwise(clocks)
    )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{name}: {result.words} Read in {reading}, stored and matched in {storing}, {memory} MB")


def hdfc_csv(rows: int) -> bytes:
    """A statement as HDFC's net banking exports it; every tenth row is a debit."""
    lines = [
        f"Account No : {ACCOUNT}",
        "Date,Narration,Chq./Ref.No.,Value Dt,Withdrawal Amt.,Deposit Amt.,Closing Balance",
    ]
    balance = 0
    for row in range(rows):
        day = f"{_day(row):%d/%m/%y}"
        signed = _amount(row)
        balance += signed
        out, came = ("", _plain(signed)) if signed > 0 else (_plain(-signed), "")
        utr = f"N{row:015d}"
        text = f"NEFT CR-BANK0000001-ACME LTD-INV {row}-{utr}"
        lines.append(f"{day},{text},{utr},{day},{out},{came},{_plain(balance)}")
    return "\n".join(lines).encode()


def camt053(rows: int) -> bytes:
    """The same movements as a camt.053; 50,000 of them are just below what a file may have."""
    space = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
    entries = "".join(map(_entry, range(rows)))
    return (
        f'<Document xmlns="{space}"><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr><Stmt><Id>S-1</Id>'
        f"<Acct><Id><Othr><Id>{ACCOUNT}</Id></Othr></Id></Acct>{entries}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def _entry(row: int) -> str:
    signed = _amount(row)
    side = "CRDT" if signed > 0 else "DBIT"
    return (
        f'<Ntry><Amt Ccy="INR">{_plain(abs(signed))}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>{_day(row) - EARLIER}</Dt></BookgDt><AcctSvcrRef>C{row}</AcctSvcrRef>"
        f"<NtryDtls><TxDtls><Refs><EndToEndId>E{row}</EndToEndId></Refs>"
        "<RltdPties><Dbtr><Pty><Nm>ACME LTD</Nm></Pty></Dbtr></RltdPties>"
        f"<RmtInf><Ustrd>OUR {row}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def _day(row: int) -> date:
    return FIRST + timedelta(row // A_DAY)


def _amount(row: int) -> int:
    return (-1 if row % 10 == 9 else 1) * (1_000_00 + row * 7)


def _plain(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


WRITERS: dict[str, Callable[[int], bytes]] = {"camt": camt053, "csv": hdfc_csv}

if __name__ == "__main__":
    raise SystemExit(main())
