"""Why aims are missed, where they are; docs/performance.md tells it of those that are."""

from __future__ import annotations

from bench import admission

CAUSES = {
    admission.POST: "Some 6 ms of CPU in process, where the endpoint that does nothing takes 0.6 and gunicorn 1: 3.5"
    " in Python, 2.7 in the database. It waits four times, for three statements and a count in "
    "Redis, and after each wait others have run: the making of the answer costs 0.06 repeated by "
    "itself, and 0.3 in a request. The database: 1.3 the admission with the kept answer and the "
    "commit, with 13 indexes, 15 checks and nine foreign keys an invoice; 0.6 the quote; 0.4 the "
    "token with what is known of the request.",
    admission.POST_BATCH: "Each item is read, compared with what came before, asked for at the courier and answered "
    "in Python, where the floor only admits.",
    "release": "Conditions, holds with rules, and deductions are looked at again, each a reading of the invoices "
    "beside what one statement a table writes, and of each invoice whether it looks like an earlier one; each "
    "supplier's payout is an object in Python, and each line has its share of the digest that was approved.",
    "confirm": "Fees and due dates are worked out in Python, some thousand at a time; each supplier's payout has its "
    "event, and its mail names all its invoices.",
    "undo": "What was paid, claimed or deducted on a line is looked for before it is undone.",
    "import": "Rows are read, matched with companies and lines, judged by the rules of risk and answered by "
    "themselves, 0.25 ms of Python a row, where the floor only copies and admits.",
    "prove": "The first proof of a week walks the whole chain of events and recomputes every position.",
    "polling": "Answers are locked, judged and recorded with their events, some 0.8 ms of CPU a shipment, where the "
    "bare loop throws them away; the adapter's 100 questions a second are kept, and half a second in which workers "
    "are given their jobs are in it, which few shipments make much of.",
}
"""Of admission and jobs, by name."""
PAGE_CAUSES = {
    "reports.statement reports.statement_csv": "Each debt of the company in the period is worked out by the accrual "
    "function for its first day, its last and each receipt between, as every balance hangs on all lines before it: the "
    "large book's companies have some ninety times as many lines, of which a page shows fifty.",
    "reports.statement_paper": "The same, and all lines are set on paper; loading the fonts takes most of a short one.",
    "admin.disbursal admin.disbursal_supplier admin.payouts": "All lines of a disbursal, of which the large book's has "
    "a hundred times as many, are held against rules, holds and limits, and added up by supplier.",
    "admin.queue admin.queue_file": "Holds are looked for over the whole queue, for the button that bundles it.",
    "admin.receipts": "Words that are in a fifth of all references find so many receipts, which are counted up to "
    "10,000.",
    "admin.events": "Words that are nowhere are compared with 30,000 events, wherever these lie.",
    "invoices.index invoices.to_repay admin.loans": "Numbers begin alike, so that the index of their letters leads to "
    "thousands which are compared; what is found, or due within a week, is counted up to 10,000; and a company's "
    "invoices by value or number are picked from the index of all companies'.",
    "invoices.open_orders": "The delivery company is asked, and none runs here: the time is that of asking in vain "
    "until the breaker opens, which the small book's was.",
    "admin.proof": "Before a first proof was kept, opening the page makes one.",
}
"""Of pages, by endpoint."""
LESS = "Within the time, but the small book has less to show there than a page holds."
UNKNOWN = "No cause is known."
