"""XML from outside, read so that no file can do harm: no DTD, no entities, nothing fetched, bounded depth and
size."""

from __future__ import annotations

import codecs
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException, DTDForbidden
from defusedxml.ElementTree import DefusedXMLParser

from tusker.errors import UnreadableFile

MAX_DEPTH = 64
MAX_ELEMENTS = 1_000_000
"""A statement of 20 MB has fewer; a file of nothing but empty elements would fill the memory."""


class _Builder(TreeBuilder):
    """Builds elements by their local names, whatever their prefix or namespace, within the bounds."""

    def __init__(self) -> None:
        super().__init__()
        self.namespaces: dict[str, str] = {}
        """The namespace in which each element name was first seen."""
        self._names: dict[str, str] = {}
        """The local name of each tag, of which a file has few and uses each very often."""
        self._depth = 0
        self._count = 0

    def start(self, tag: Any, attrs: Any, /) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH:
            raise UnreadableFile(f"The XML is nested more than {MAX_DEPTH} deep; no bank statement is.")
        if self._count > MAX_ELEMENTS:
            raise UnreadableFile(
                f"The XML has more than {MAX_ELEMENTS:,} elements; ask the bank for smaller files."
            )
        local = self._names.get(tag)
        if local is None:
            local = self._names[tag] = tag.rpartition("}")[2]
        if self._depth <= 4:
            self.namespaces.setdefault(local, tag.rpartition("}")[0].removeprefix("{"))
        return super().start(local, attrs)

    def end(self, tag: Any, /) -> Element:
        self._depth -= 1
        return super().end(self._names[tag])


def read_xml(data: bytes) -> tuple[Element, dict[str, str]]:
    """The root with local names only, and the namespaces of the outer elements' names.

    Raises `InvalidInput` with the field `file` for XML that is not well-formed, declares a DTD or entities, or
    exceeds the bounds.
    """
    builder = _Builder()
    parser = DefusedXMLParser(target=builder, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(_without_mark(data))
        root = parser.close()
    except DTDForbidden:
        raise UnreadableFile("The XML declares a DTD (<!DOCTYPE …>); such files are refused.") from None
    except DefusedXmlException:
        raise UnreadableFile("The XML declares entities or points outside; such files are refused.") from None
    except ParseError as error:
        line, column = error.position
        what = str(error).partition(":")[0]
        raise UnreadableFile(
            f"The file is not well-formed XML (line {line}, column {column + 1}): {what}."
        ) from None
    except (ValueError, LookupError) as error:
        # the parser asks Python for encodings that it does not know, and those fail in their own ways
        raise UnreadableFile(f"The XML's encoding cannot be read: {str(error)[:100]}.") from None
    return root, builder.namespaces


def all_at(element: Element, path: str) -> list[Element]:
    """The elements at a path of plain names: ElementTree's own way through a path takes several times as long."""
    name, _, rest = path.partition("/")
    found = element.findall(name)
    return [each for child in found for each in all_at(child, rest)] if rest else found


def at(element: Element, path: str) -> Element | None:
    """The first element at a path of plain names; None when there is none."""
    name, _, rest = path.partition("/")
    if not rest:
        return element.find(name)
    return next((each for child in element.findall(name) if (each := at(child, rest)) is not None), None)


def first_text(element: Element, *paths: str) -> str:
    """The first of these that holds text."""
    for path in paths:
        found = at(element, path)
        if found is not None and (text := (found.text or "").strip()):
            return text
    return ""


def _without_mark(data: bytes) -> bytes | str:
    """The file from its first `<`: portals put blanks before it. UTF-16 becomes text, whatever the file says of its
    encoding."""
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            try:
                return data[len(mark) :].decode(encoding).lstrip()
            except UnicodeDecodeError:
                raise UnreadableFile("The file begins as UTF-16 text but does not go on as such.") from None
    return data.removeprefix(codecs.BOM_UTF8).lstrip()
