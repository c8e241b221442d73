"""Cut Tabler's style sheet to the rules whose classes templates, scripts and forms use (make css; part of make vendor).

The whole sheet lies in assets/, which is not served; what is served is written to static/vendor. A rule stays when all
classes of one of its selectors are words of a template, a script or a string in Python. A class that is put together,
such as `text-{{ tone }}`, needs a line in TOGETHER. Custom properties that nothing reads any more go, too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSION = "1.6.1"
WHOLE = ROOT / "assets" / f"tabler-core-{VERSION}" / "tabler.min.css"
CUT = ROOT / "static" / "vendor" / f"tabler-core-{VERSION}" / "tabler.cut.css"
TONES = "primary secondary success info warning danger orange azure red green"
TOGETHER = frozenset(
    f"{kind}-{tone}"
    for kind in ("text", "alert", "btn", "btn-ghost", "btn-outline")
    for tone in TONES.split()
)
"""Classes that templates put together from two parts."""
_CLASS = re.compile(r"\.(-?[A-Za-z_](?:[\w-]|\\.)*)")
_LISTED = re.compile(r":(?:is|where)\(([^()]*)\)")
_WITHOUT = re.compile(r":not\([^()]*(?:\([^()]*\)[^()]*)*\)")
_WORD = re.compile(r"[A-Za-z_][\w-]*")
_TEXT = re.compile(r"""\b_n?\((?:"[^"]*"|'(?:[^'\\]|\\.)*')(?:, "[^"]*")?""")
"""A text of a template, whose words are no classes; a class in a tag inside of one stands elsewhere too."""
_CLASSES = re.compile(r'^[a-z0-9 _-]+$|class="')
_VARIABLE = re.compile(r"--[\w-]+")


@dataclass
class Block:
    """A rule with its body as text, or an at-rule that holds further blocks; without a body, a statement."""

    head: str
    body: str | None = None
    blocks: list[Block] = field(default_factory=list)

    def __str__(self) -> str:
        if self.body is None and not self.blocks:
            return f"{self.head};"
        return f"{self.head}{{{self.body if self.body is not None else ''.join(map(str, self.blocks))}}}"


def parse(css: str) -> list[Block]:
    """The blocks of a style sheet without its comments."""
    text = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    return list(_blocks(text, 0, len(text)))


def _blocks(text: str, start: int, end: int) -> Iterator[Block]:
    at = start
    while at < end:
        stop = _until(text, at, end, "{;")
        head = text[at:stop].strip()
        if stop >= end or text[stop] == ";":
            if head:
                yield Block(head)
            at = stop + 1
            continue
        close = _closing(text, stop, end)
        nested = head.startswith(("@media", "@supports", "@layer", "@container"))
        if nested:
            yield Block(head, None, list(_blocks(text, stop + 1, close)))
        else:
            yield Block(head, text[stop + 1 : close])
        at = close + 1


def _until(text: str, at: int, end: int, wanted: str) -> int:
    """The place of the next of these characters that stands in no string and no bracket."""
    depth, quote = 0, ""
    while at < end:
        character = text[at]
        if quote:
            at += character == "\\"
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif not depth and character in wanted:
            return at
        at += 1
    return end


def _closing(text: str, opening: int, end: int) -> int:
    depth, at = 0, opening
    while at < end:
        at = _until(text, at, end, "{}")
        depth += 1 if text[at] == "{" else -1
        if not depth:
            return at
        at += 1
    return end


def classes_of(blocks: list[Block]) -> set[str]:
    """All classes that the selectors of a sheet name."""
    found: set[str] = set()
    for block in blocks:
        found |= classes_of(block.blocks) if block.blocks else set(_CLASS.findall(block.head))
    return found


def words_in_use() -> set[str]:
    """Every word that templates and scripts write, and every string of a Python file that may be a list of classes:
    among them are the classes in use."""
    files = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static" / "js").glob("*.js")]
    used = {*TOGETHER}.union(*(_WORD.findall(_TEXT.sub("", file.read_text())) for file in files))
    for file in (ROOT / "tusker").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _CLASSES.search(node.value):
                used.update(_WORD.findall(node.value))
    return used


def _stays(selector: str, used: set[str]) -> bool:
    bare = _WITHOUT.sub("", selector)
    for listed in _LISTED.findall(bare):
        names = [set(_CLASS.findall(each)) for each in listed.split(",")]
        if not any(each <= used for each in names):
            return False
    return set(_CLASS.findall(_LISTED.sub("", bare))) <= used


def _selectors(head: str) -> Iterator[str]:
    at = 0
    while at < len(head):
        stop = _until(head, at, len(head), ",")
        yield head[at:stop]
        at = stop + 1


def keep(blocks: list[Block], used: set[str]) -> Iterator[Block]:
    """The blocks whose classes are used, each with those of its selectors that are."""
    for block in blocks:
        if block.blocks:
            if inner := list(keep(block.blocks, used)):
                yield Block(block.head, None, inner)
        elif block.head.startswith("@"):
            yield block
        elif head := ",".join(each for each in _selectors(block.head) if _stays(each, used)):
            yield Block(head, block.body)


def _declarations(body: str) -> Iterator[str]:
    at = 0
    while at < len(body):
        stop = _until(body, at, len(body), ";")
        if body[at:stop].strip():
            yield body[at:stop].strip()
        at = stop + 1


def without_unread(blocks: list[Block], read_elsewhere: set[str]) -> list[Block]:
    """The blocks without the custom properties that nothing reads."""
    while True:
        text = "".join(map(str, blocks))
        read = {*re.findall(r"var\((--[\w-]+)", text)} | read_elsewhere
        shorter = [each for block in blocks if (each := _pruned(block, read)) is not None]
        if "".join(map(str, shorter)) == text:
            return shorter
        blocks = shorter


def _pruned(block: Block, read: set[str]) -> Block | None:
    if block.blocks:
        inner = [shorter for one in block.blocks if (shorter := _pruned(one, read)) is not None]
        return Block(block.head, None, inner) if inner else None
    if block.body is None or block.head.startswith("@"):
        return block
    kept = []
    for each in _declarations(block.body):
        name = each.partition(":")[0].strip()
        if not name.startswith("--") or name in read:
            kept.append(each)
    return Block(block.head, ";".join(kept)) if kept else None


def cut() -> str:
    """The served sheet: Tabler's licence, then what is used of it."""
    whole = WHOLE.read_text()
    notice = re.search(r"/\*!.*?\*/", whole, re.S)
    used = words_in_use()
    blocks = list(keep(parse(whole), used))
    own = "".join(
        file.read_text()
        for folder in ("css", "js")
        for file in (ROOT / "static" / folder).iterdir()
        if file.suffix in {".css", ".js"}
    )
    blocks = without_unread(blocks, set(_VARIABLE.findall(own)))
    text = "".join(map(str, blocks))
    running = [b for b in blocks if not b.head.startswith("@keyframes") or b.head.split()[-1] in _names(text)]
    return (
        f'@charset "UTF-8";{notice[0] if notice else ""}\n'
        + "\n".join(str(block) for block in running if not block.head.startswith("@charset"))
        + "\n"
    )


def _names(text: str) -> set[str]:
    """Words of the values of animations."""
    return {
        word for value in re.findall(r"animation(?:-name)?:([^;}]*)", text) for word in _WORD.findall(value)
    }


def main() -> None:
    """Write the sheet."""
    CUT.parent.mkdir(parents=True, exist_ok=True)
    CUT.write_text(cut())
    print(f"{WHOLE.stat().st_size} -> {CUT.stat().st_size} {CUT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
