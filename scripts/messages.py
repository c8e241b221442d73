"""The texts of the product and what they are in Hindi: tusker/translations/hi/LC_MESSAGES/messages.po and .mo.

`make messages` collects the texts anew and compiles them; `make messages ARGS="--from FILE.json"` takes translations
in: {"English": "Hindi", "one {n}": ["one in Hindi", "many in Hindi"]}. `python -m scripts.messages check`, a part of
`make check`, says what is missing.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment, nodes
from jinja2.ext import babel_extract

from tusker import errors
from tusker.bankfiles import movements
from tusker.carriers import base as carriers
from tusker.messages import CODE_WORDS

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "templates"
PO = ROOT / "tusker" / "translations" / "hi" / "LC_MESSAGES" / "messages.po"
KEYWORDS = ("_", "_n", "say", "say_n")
ERRORS = {
    name
    for module in (errors, carriers, movements)
    for name, one in vars(module).items()
    if isinstance(one, type) and issubclass(one, errors.TuskerError)
}
"""The errors that say what they are given; `make check` finds the words of any other."""
SAYERS = {"say", "say_n", *ERRORS}
HEADER = """\
# The texts of Tusker in Hindi; `make messages` writes this file.
msgid ""
msgstr ""
"Language: hi\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=2; plural=(n > 1);\\n"

"""
UNMARKED = ("templates/api", "tusker/api", "tusker/cli", "tusker/demo", "tusker/replay")
"""Where texts are for systems and for who keeps Tusker running: English."""
NAMES = {
    "Tusker",
    "UTR",
    "CSV",
    "PDF",
    "Excel",
    "UPI",
    "BIC",
    "IBAN",
    "IFSC",
    "SEPA",
    "JavaScript",
    "Enter",
    "Esc",
    "Ctrl",
}
"""Words that stay as they are in each language."""
SHOWN = {"aria-label", "title", "placeholder", "alt"}
AVOIDED = re.compile("पृष्ठ(?!भूमि)|आईडी|चालू ऋण|ख़?रीदार|असफल|ख़ारिज|सेटअप|बँटवारा")
PLACE = re.compile(r"\{(\w+)\}")

MsgId = str | tuple[str, str]


@dataclass
class Texts:
    """The texts that the source has, by their English, with the files that have them."""

    found: dict[str, MsgId] = field(default_factory=dict)
    files: dict[str, set[str]] = field(default_factory=dict)

    def add(self, path: Path, text: MsgId) -> None:
        """A text in a file; of two with the same singular the one with a plural counts."""
        first = text if isinstance(text, str) else text[0]
        if first:
            if first not in self.found or not isinstance(text, str):
                self.found[first] = text
            self.files.setdefault(first, set()).add(str(path.relative_to(ROOT)))


def main() -> None:
    """Collect, take in, compile; or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=["check"])
    parser.add_argument("--from", dest="files", nargs="+", type=Path, default=[], metavar="FILE")
    arguments = parser.parse_args()
    if arguments.what == "check":
        problems = list(check())
        print("\n".join(problems) or "every text is translated")
        sys.exit(bool(problems))
    texts = collect()
    catalogue = updated(texts, kept(PO.read_bytes()) if PO.exists() else {}, arguments.files)
    PO.parent.mkdir(parents=True, exist_ok=True)
    PO.write_text(po_of(catalogue))
    PO.with_suffix(".mo").write_bytes(mo_of(catalogue))
    missing = sum(not is_translated(message) for message in catalogue if message.id)
    print(f"{len(texts.found)} texts, {missing} of them without Hindi")


def collect() -> Texts:
    """The texts of templates and Python, and the words of the codes that pages show by `status_label`."""
    texts = Texts()
    for path in sorted(TEMPLATES.rglob("*.*")):
        with path.open("rb") as file:
            for _, name, strings, _ in babel_extract(file, KEYWORDS, [], {"silent": "false"}):
                add_call(texts, path, name, strings)
    for path in python_files():
        tree = ast.parse(path.read_bytes())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (called := ast.unparse(node.func)) in SAYERS:
                written = tuple(one.value for one in node.args if isinstance(one, ast.Constant))
                add_call(texts, path, called, written)
        for code in codes(tree):
            texts.add(path, code.replace("_", " ").capitalize())
    return texts


def add_call(texts: Texts, path: Path, name: str, found: object) -> None:
    """A call of one of the keywords: its texts stand first."""
    written = [
        text for text in (found if isinstance(found, (tuple, list)) else (found,)) if isinstance(text, str)
    ]
    if name.endswith("_n") and len(written) > 1:
        texts.add(path, (written[0], written[1]))
    elif written:
        texts.add(path, written[0])


def python_files() -> Iterator[Path]:
    """The modules whose texts people see."""
    for path in sorted((ROOT / "tusker").rglob("*.py")):
        if not str(path.relative_to(ROOT)).startswith(UNMARKED):
            yield path


def codes(tree: ast.Module) -> Iterator[str]:
    """The codes of a module's enums, of the events that it records and of what they are about, without those that have
    words."""
    takers = {**takers_of_codes(), **dict(_takers(tree))}
    for node in ast.walk(tree):
        found: list[ast.expr] = []
        if (
            isinstance(node, ast.ClassDef)
            and node.name != "Tone"
            and {ast.unparse(base) for base in node.bases} & {"StrEnum", "Status", "Worded"}
        ):
            for line in node.body:
                if isinstance(line, ast.Assign):
                    found.append(line.value.elts[0] if isinstance(line.value, ast.Tuple) else line.value)
        elif isinstance(node, ast.Call) and (name := ast.unparse(node.func)) in takers:
            found = [node.args[at] for at in takers[name] if at < len(node.args)]
            found += [one.value for one in node.keywords if one.arg in CODES]
        for value in found:
            for part in ast.walk(value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    code = part.value
                    if re.fullmatch(r"[a-z]([a-z_]*[a-z])?", code) and code not in CODE_WORDS:
                        yield code


CODES = {"subject", "about", "kind", "from_value", "to_value"}
"""Names of parameters that take codes, which events tell."""


@cache
def takers_of_codes() -> dict[str, list[int]]:
    """The functions of all modules that take codes, and at which places."""
    modules = (ROOT / "tusker" / "services").rglob("*.py")
    found = (taker for path in modules for taker in _takers(ast.parse(path.read_text())))
    return {name: places for name, places in found if not name.startswith("_")}


def _takers(tree: ast.Module) -> Iterator[tuple[str, list[int]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and CODES & {
            one.arg for one in (*node.args.args, *node.args.kwonlyargs)
        }:
            yield node.name, [at for at, one in enumerate(node.args.args) if one.arg in CODES]


def kept(content: bytes) -> dict[str, str | tuple[str, ...]]:
    """The translations of a catalogue, by the English of the text."""
    messages = [message for message in read_po(io.BytesIO(content)) if message.id and is_translated(message)]
    return {first_of(m): m.string if isinstance(m.string, str) else tuple(m.string or ()) for m in messages}


def updated(texts: Texts, known: dict[str, str | tuple[str, ...]], files: list[Path]) -> Catalog:
    """The catalogue of the texts that there are; what is in the files counts before what was known."""
    for path in files:
        for english, hindi in json.loads(path.read_text()).items():
            known[english] = tuple(hindi) if isinstance(hindi, list) else hindi
    catalogue = Catalog(locale="hi", fuzzy=False, creation_date=EPOCH, revision_date=EPOCH)
    for first, text in sorted(texts.found.items()):
        hindi = known.get(first, "")
        if not isinstance(text, str) and isinstance(hindi, str):
            hindi = (hindi, hindi)
        elif isinstance(text, str) and not isinstance(hindi, str):
            hindi = hindi[0]
        catalogue.add(text, hindi)
    return catalogue


EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def po_of(catalogue: Catalog) -> str:
    """The catalogue as the file that people read."""
    file = io.BytesIO()
    write_po(file, catalogue, width=0, omit_header=True, sort_output=True)
    return HEADER + file.getvalue().decode()


def mo_of(catalogue: Catalog) -> bytes:
    """The catalogue as the file that is loaded."""
    vars(catalogue).update(_num_plurals=2, _plural_expr="(n > 1)")
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def first_of(message: Message) -> str:
    """The English of a text, of one with a plural the singular."""
    return str(message.id if isinstance(message.id, str) else message.id[0])


def is_translated(message: Message) -> bool:
    """Whether there is Hindi for each of its forms."""
    return all(message.string) if isinstance(message.string, (tuple, list)) else bool(message.string)


def check() -> Iterator[str]:
    """What is wrong with texts and catalogue."""
    texts = collect()
    content = PO.read_text()
    catalogue = {first_of(message): message for message in read_po(io.StringIO(content)) if message.id}
    for english, files in texts.files.items():
        if english not in catalogue or not is_translated(catalogue[english]):
            yield f"{min(files)}: no Hindi for {english!r}"
    for english, message in catalogue.items():
        if english not in texts.found:
            yield f"{PO.name}: nothing says {english!r} any more; make messages"
        elif is_translated(message):
            yield from places_that_differ(message)
            if found := AVOIDED.search(str(message.string)):
                yield f"{PO.name}: {found[0]} is not the word of docs/terms.md: {english!r}"
    again = updated(texts, kept(content.encode()), [])
    if PO.with_suffix(".mo").read_bytes() != mo_of(again) or content != po_of(again):
        yield f"{PO.name} is not as `make messages` writes it"
    for path in sorted([*TEMPLATES.rglob("*.html"), *TEMPLATES.rglob("*.txt")]):
        if not str(path.relative_to(ROOT)).startswith(UNMARKED):
            yield from (
                f"{path.relative_to(ROOT)}: not marked: {text!r}" for text in unmarked(path.read_text())
            )
    for path in python_files():
        yield from (
            f"{path.relative_to(ROOT)}: not marked: {head!r}" for head in plain_heads(path.read_text())
        )

        room = str(path.relative_to(ROOT / "tusker"))
        for words in bare(path.read_text()) if room.startswith(ROOMS) else ():
            if words not in UNSAID.get(room, ()) and Path(room).name not in BANKS_WORDS:
                yield f"tusker/{room}: not said: {words!r}"


def places_that_differ(message: Message) -> Iterator[str]:
    """The places of parameters must be those of the English; one row may go without its number."""
    english = [message.id] if isinstance(message.id, str) else list(message.id)
    hindi = [message.string] if isinstance(message.string, str) else list(message.string or ())
    wanted = set(PLACE.findall(english[-1]))
    for text in hindi:
        if set(PLACE.findall(text)) - wanted or wanted - set(PLACE.findall(text)) - {"n"}:
            yield f"{PO.name}: the places of {english[0]!r} are not those of {text!r}"


def unmarked(source: str) -> Iterator[str]:
    """Words of a template that are not said by `_`: in its text, in attributes that are shown or read out, and as
    arguments of macros."""
    tree = Environment(autoescape=True).parse(source.replace("Subject:", ""))  # the first line of a mail
    text = "".join(
        part.data if isinstance(part, nodes.TemplateData) else "\N{NULL}"
        for output in tree.find_all(nodes.Output)
        for part in output.nodes
    )
    yield from (words for words in words_in(text) if has_words(words))
    yield from literals(tree)


def words_in(page: str) -> list[str]:
    """What a page of HTML shows or has read out."""
    reader = _Page()
    reader.feed(page)
    return reader.words


ROOMS = (
    *(
        "admin",
        "auth",
        "customers",
        "documents",
        "domain",
        "invoices",
        "mailer",
        "reports",
        "services",
        "web",
    ),
    *(
        "bankfiles",
        "carriers",
        "csv",
        "errors.py",
        "transactions.py",
    ),
)
"""Where a string of two words or more is for people."""
WORDS = re.compile(r"[A-Za-z]{2,}[,;:]? [a-z“{]|[}] [a-z]{2,}")
FOR_SYSTEMS = re.compile(
    r"\b(SELECT|FROM|WHERE|AND|SET|IS|IN|AS|NULL|LOGIN|GRANT)\b"  # SQL
    r"|^[<\\(]|filename=|max-age|;dur=|show:window|private,|\|"  # HTML, headers, lists of banks' words
    r"|^job |yyyy|^(account|user) \{\}$|^tusker |\.\n$"  # who acts, in logs and signatures
)
ASKED = re.compile(
    r"(Error|_lines|log\.\w+|logger\.\w+|[cC]ontext|limit|serializer|split|enumerate|derive|_signing|hash|format_date|items"
    r"|month_words|frozenset|set|_blank|startswith|removeprefix)$"
)
"""What is called with words that no person is shown: errors of programs, logs, salts of keys, words of banks."""
BANKS_WORDS = {"balances.py", "meanings.py", "sides.py", "indic.py", "chain.py"}
"""Modules of what banks write, of files for systems and of codes."""
UNSAID: dict[str, tuple[str, ...]] = {
    "services/loans/receipt_rows.py": ("netted from ",),  # references, by which receipts are found again
    "services/loans/netted.py": ("{}{} (claim {})",),
    "carriers/aftership.py": ("meta.code {}",),  # for logs
    "carriers/deadline.py": ("an address of a private network is not spoken to",),
    "carriers/http.py": ("status {}",),
    "carriers/shippo.py": ("ShippoToken {}",),
    "carriers/tusker.py": ("Tusker courier",),
    "services/people/tokens.py": ("{} ({}…, {}, {} days)", "{} (API token {}…)"),  # of names and codes
    "services/couriers/gate.py": ("gate shut",),
    "admin/payout/disbursals.py": ("claims netted",),  # of a file
    "bankfiles/payments/bulk_profiles.py": ("Payment details 1",),
    "bankfiles/tables/around/labels.py": ("own account",),
    "domain/bank/banking.py": ("The balance",),  # how a remark begins
}


def bare(source: str) -> Iterator[str]:
    """Words for people in a module that are not said by `say`."""
    yield from _bare(ast.parse(source))


def _bare(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a docstring
        if isinstance(child, ast.Call):
            name = ast.unparse(child.func)
            given = {keyword.arg for keyword in child.keywords}
            if name in ERRORS:
                given -= {"field"}  # the error's own
            text = child.args[0] if name in SAYERS and child.args else None
            words = text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else ""
            if set(PLACE.findall(words)) - given - {"n", None}:
                yield f"a place of {words} is not given"
            within: Sequence[ast.AST] = child.keywords if words else [child]
            for one in within if not ASKED.search(name) else ():
                yield from _bare(one)
        elif isinstance(child, (ast.Constant, ast.JoinedStr)):
            parts = child.values if isinstance(child, ast.JoinedStr) else [child]
            words = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
            if WORDS.search(words) and not FOR_SYSTEMS.search(words):
                yield words
            for part in parts:
                if isinstance(part, ast.FormattedValue):
                    yield from _bare(part)
        else:
            yield from _bare(child)


def plain_heads(source: str) -> Iterator[str]:
    """Titles of lists and heads of their columns that a module does not say by `say`."""
    if "tusker.web.lists" not in source:
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"Column", "ListOf"}:
            for head in [*node.args[1:2], *(k.value for k in node.keywords if k.arg in {"head", "title"})]:
                if isinstance(head, (ast.Constant, ast.JoinedStr)):
                    yield ast.unparse(head).strip("'")


def has_words(text: str) -> bool:
    """Whether a text has words but those that are names."""
    # attributes and classes that a macro writes, ends of ids and of addresses
    text = re.sub(r"[\w-]+=\"[^\"]*\"|\0[-\w]+|\0/[-\w/.?=&\0]+|\btext-\w+", " ", text)
    return any(word not in NAMES for word in re.findall(r"[A-Za-z]{2,}", text))


def literals(node: nodes.Node) -> Iterator[str]:
    """Strings of a template's expressions that read like words for people: with a capital letter in front."""
    for child in node.iter_child_nodes():
        if (
            isinstance(child, nodes.Call)
            and isinstance(child.node, nodes.Name)
            and child.node.name in KEYWORDS
        ):
            for argument in child.kwargs:
                yield from literals(argument)
        elif isinstance(child, nodes.Const) and isinstance(child.value, str):
            if re.match(r"[A-Z“][a-z]*( [a-z]|$)|[A-Z][a-z]+[.:!?]$", child.value) and has_words(child.value):
                yield child.value
        elif not isinstance(child, nodes.Compare):
            yield from literals(child)


class _Page(HTMLParser):
    """Collects what a page shows as text."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Attributes that are shown or read out count."""
        self._within.append(tag)
        self.words += [value for name, value in attrs if name in SHOWN and value]

    def handle_endtag(self, tag: str) -> None:
        """A code is over."""
        while self._within and self._within.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Text counts, what stands in a code not."""
        if not {"code", "script", "style", "kbd"} & set(self._within):
            self.words.append(data.strip())


if __name__ == "__main__":
    main()
