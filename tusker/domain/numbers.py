"""Numbers of invoices and credit notes, made comparable: a strict form, in which one number typed differently is one
number, and loose forms, in which numbers look alike."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

_APOSTROPHES = "'’‘ʼ`´"
"""Before a number they come from a spreadsheet, which shows none of them."""
_BLANKS = re.compile(r"\s+")
_DASHES = re.compile("-+")
_MINUS = "−⁃˗"
"""Dashes by their looks that Unicode files elsewhere."""
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
"""What has neither ink nor width, besides the characters of the category Cf."""
_RUN = re.compile(r"[^\W_]+")
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_LATIN = re.compile(r"LATIN (?:(?:SMALL|CAPITAL|LETTER|DOTLESS|SCRIPT|BARRED) )+([A-Z])(?: WITH .+)?$")
"""The names of letters that are a Latin one with a stroke, without its dot, in small capitals, in a disc."""
_LOOKS: Mapping[str, str] = {
    "аеорсухіјѕвкмнтбзһӏԁԛԝѵѳөьгп": "aeopcyxijsbkmht63hldqwvoobrn",
    "αβεζηθικμνορτυχϲϳ": "abezhoikmnoptyxcj",
    "օոսհ": "onuh",
    "ⲃⲉⲏⲓⲕⲙⲛⲟⲣⲥⲧⲩⲭ": "behikmnopctyx",
    "ᎪᏴᏟᎠᎬᏀᎻᎥᏆᎫᏦᏞᎷᏢᏒᏚᎢᏙᏔᏃ": "abcdeghiijklmprstvwz",
    "ꓮꓐꓚꓓꓰꓝꓖꓧꓲꓙꓗꓡꓟꓠꓳꓑꓣꓢꓔꓴꓦꓪꓫꓬꓜ": "abcdefghijklmnoprstuvwxyz",
    "ǀ〇": "lo",
}
_LIKE_LATIN = str.maketrans("".join(_LOOKS), "".join(_LOOKS.values()), "ー一ㅡᅳꟷ")
"""Letters of other alphabets that look like Latin ones, in lower case, and those that look like dashes."""
_LIKE_DIGITS = str.maketrans("oil|!sbzg", "011115826")
_BARS = [str.maketrans(dict.fromkeys(bars, " ")) for bars in ("", "|", "!", "|!")]
"""Each may stand between parts, or for a one."""
_LABELS = re.compile(
    r"(?<![^\W\d_])(?:tax|bill|number|num|no|nr|n°|copy|duplicate|dup|original|orig)(?![^\W\d_])"
)
"""Words that say that a number is one, or which print of its paper it stands on."""
_REPEATED = re.compile(r"\binv(?:[\W_]+inv\b)+")


KEPT = 4_096
"""Of so many numbers the forms are kept: one request asks for those of its number several times."""


@lru_cache(maxsize=KEPT)
def strict_form(number: str) -> str:
    """The number without what people do not see or type at will: case, width, ligatures, kinds of space and of dash,
    characters without width, an apostrophe before it. Numbers of one supplier with the same form are one number.

    Never empty for a number that is not.
    """
    form = _folded(number)
    while form != (again := _folded(form)):
        form = again
    return form.lstrip(_APOSTROPHES + " ") or form or number


def _folded(number: str) -> str:
    if number.isascii():  # nothing of what is looked for below is in there
        return _DASHES.sub("-", _BLANKS.sub(" ", number.casefold())).strip()
    seen = "".join(c for c in _UNSEEN.sub("", number) if unicodedata.category(c) != "Cf")
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
    dashed = "".join("-" if unicodedata.category(c) == "Pd" or c in _MINUS else c for c in text)
    return _DASHES.sub("-", _BLANKS.sub(" ", dashed)).strip()


def loose_forms(number: str) -> list[str]:
    """What is left of a number without separators, accents, leading zeros and the difference of O and 0, I and l and 1:
    with the zeros dropped in each of its parts, and in the whole. Numbers that share a form look alike.

    Two forms, because INV-10-01 is much like both INV-10-1 and INV1001; and more where it has words such as in “Invoice
    No. 5”, which is much like INV-5 and 5. Empty for a number without letters and digits.
    """
    return list(_loose_forms(number))


@lru_cache(maxsize=KEPT)
def _loose_forms(number: str) -> tuple[str, ...]:
    apart = unicodedata.normalize("NFKD", strict_form(number))
    plain = apart if apart.isascii() else "".join(_latin(c) for c in apart if not unicodedata.combining(c))
    plain = plain.translate(_LIKE_LATIN)
    forms = {plain.translate(bars) for bars in _BARS}
    said = _LABELS.sub(" ", plain.replace("invoice", " inv "))
    if said != plain:
        once = _REPEATED.sub("inv", said)
        forms |= {once, re.sub(r"\binv\b", " ", once)}
    found = {form for text in forms for form in _without_zeros(text.translate(_LIKE_DIGITS))}
    return tuple(sorted(found - {""}))


def _without_zeros(plain: str) -> set[str]:
    parts = _RUN.findall(plain)
    return {_ZEROS.sub("", "".join(parts)), "".join(_ZEROS.sub("", part) for part in parts)}


def _latin(character: str) -> str:
    """A digit of any script, or in a disc, as the one of ours, a kind of Latin letter as that one; else as it is."""
    kind = _LATIN.search(unicodedata.name(character, ""))
    return kind[1].lower() if kind else str(unicodedata.digit(character, character))
