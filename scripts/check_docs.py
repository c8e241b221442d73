"""Check that the documentation names what there is (part of make check).

In README.md, the pages beside it and those in docs/, links lead to files and headings that exist, and so do the files,
make targets and flask commands that stand between backticks.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FENCED = re.compile(r"^```.*?^```", re.M | re.S)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.M)
OURS = re.compile(r"(?:tusker|tools|tests|templates|migrations|scripts|docs|docker|bench|static)/[\w./-]*")
OF_FLASK = {"db", "run", "shell", "routes"}
HISTORY = {"CHANGELOG.md"}
"""May name what was and is not any more."""
EXAMPLE = "parcelbird"
"""The delivery company of which docs/carriers.md makes an example."""


def anchor(heading: str) -> str:
    """The anchor of a heading as GitHub makes it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings."""
    return {anchor(heading) for heading in HEADING.findall(FENCED.sub("", text))}


def broken_links(page: Path, text: str) -> Iterator[str]:
    """The relative links of a page that lead nowhere."""
    for link, picture in LINK.findall(CODE.sub("", FENCED.sub("", text))):
        target, _, fragment = (link or picture).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = page.parent / target
        if target and not file.exists():
            yield f"leads to {link or picture}, which does not exist"
        elif fragment and fragment not in anchors(file.read_text() if target else text):
            yield f"leads to {link}, and there is no such heading"


def unknown_names(text: str, root: Path, targets: set[str], commands: set[str]) -> Iterator[str]:
    """What stands between backticks, or in the examples of shell commands, and does not exist."""
    for code in CODE.findall(FENCED.sub("", text)):
        said = code.strip("`")
        path = said.split("::")[0]
        if OURS.fullmatch(path) and EXAMPLE not in path and not (root / path).exists():
            yield f"names {path}, which does not exist"
        for target in re.findall(r"^make ([a-z][a-z-]*)", said):
            if target not in targets:
                yield f"names make {target}, which does not exist"
        for command in re.findall(r"^(?:scripts/)?flask ([a-z][a-z-]*)", said):
            if command not in commands | OF_FLASK:
                yield f"names flask {command}, which does not exist"


def make_targets(makefile: Path) -> set[str]:
    """The targets of a Makefile."""
    return set(re.findall(r"^([a-z][a-z-]*):", makefile.read_text(), re.M))


def flask_commands(folder: Path) -> set[str]:
    """The names that the modules of a folder give to click commands."""
    return {
        node.args[0].value
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"change", "commands.command", "commands.group"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def problems(pages: Mapping[Path, str], root: Path) -> Iterator[str]:
    """What is wrong with pages, given by their paths."""
    targets, commands = make_targets(root / "Makefile"), flask_commands(root / "tusker" / "cli")
    for page, text in pages.items():
        found = [*broken_links(page, text)]
        if page.name not in HISTORY:
            found += unknown_names(text, root, targets, commands)
        yield from (f"{page.relative_to(root)}: {problem}" for problem in dict.fromkeys(found))


def main() -> int:
    """Print what is wrong; returns 1 if anything is."""
    pages = {page: page.read_text() for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]}
    found = [*problems(pages, ROOT)]
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
