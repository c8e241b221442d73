"""XML from outside, read so that no file can do harm: no DTD, no entities, nothing fetched, bounded depth and
size."""

import codecs
from collections.abc import Callable
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException, DTDForbidden
from defusedxml.ElementTree import DefusedXMLParser

from tusker.errors import UnreadableFile

MAX_DEPTH = 64
MAX_ELEMENTS = 1_000_000
"""A statement of 20 MB has fewer; a file of nothing but empty elements would fill the memory."""
_OUTER = 4
_NONE: dict[str, str] = {}
Begins = Callable[[str, list[str]], None]
Ends = Callable[[str], None]


def _handlers(builder: TreeBuilder, namespaces: dict[str, str]) -> tuple[Begins, Ends]:
    """What builds elements by their local names, whatever their prefix or namespace, within the bounds.

    The parser calls these itself for each of up to a million elements, and nothing between. `namespaces` takes the one
    in which the name of an outer element was first seen.
    """
    names: dict[str, str] = {}  # the local name of each tag, of which a file has few and uses each very often
    starts, ends = builder.start, builder.end
    depth = count = 0

    def begin(tag: str, told: list[str]) -> None:
        nonlocal depth, count
        depth += 1
        count += 1
        if depth > MAX_DEPTH:
            raise UnreadableFile(
                "The XML is nested more than {max_depth} deep; no bank statement is.", max_depth=MAX_DEPTH
            )
        if count > MAX_ELEMENTS:
            raise UnreadableFile(
                "The XML has more than {max_elements} elements; ask the bank for smaller files.",
                max_elements=f"{MAX_ELEMENTS:,}",
            )
        local = names.get(tag)
        if local is None:
            local = names[tag] = tag.rpartition("}")[2]
        if depth <= _OUTER:
            namespaces.setdefault(local, tag.rpartition("}")[0])
        starts(local, dict(zip(told[::2], told[1::2], strict=True)) if told else _NONE)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        ends(names[tag])

    return begin, end


def read_xml(data: bytes) -> tuple[Element, dict[str, str]]:
    """The root with local names only, and the namespaces of the outer elements' names.

    Raises `InvalidInput` with the field `file` for XML that is not well-formed, declares a DTD or entities, or
    exceeds the bounds.
    """
    builder, namespaces = TreeBuilder(), dict[str, str]()
    parser = DefusedXMLParser(target=builder, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    expat = parser.parser
    expat.StartElementHandler, expat.EndElementHandler = _handlers(builder, namespaces)
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
            "The file is not well-formed XML (line {line}, column {column}): {what}.",
            line=line,
            column=column + 1,
            what=what,
        ) from None
    except (ValueError, LookupError) as error:
        # the parser asks Python for encodings that it does not know, and those fail in their own ways
        raise UnreadableFile("The XML's encoding cannot be read: {error}.", error=str(error)[:100]) from None
    return root, namespaces


def all_at(element: Element, path: str) -> list[Element]:
    """The elements at a path of plain names: ElementTree's own way through a path takes several times as long."""
    name, _, rest = path.partition("/")
    found = element.findall(name)
    return [each for child in found for each in all_at(child, rest)] if rest and found else found


def at(element: Element, path: str) -> Element | None:
    """The first element at a path of plain names; None when there is none."""
    name, _, rest = path.partition("/")
    found = element.find(name)
    if found is None or not rest:
        return found
    if (first := at(found, rest)) is not None:
        return first
    others = element.findall(name)[1:]
    return next((each for child in others if (each := at(child, rest)) is not None), None)


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
