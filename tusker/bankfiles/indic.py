"""Names in the scripts of India as Latin letters, with the vowels that these scripts leave unwritten.

A consonant carries an `a` unless a sign says another vowel or none. Unicode's names of the letters say their sounds, so
that one rule serves all of these scripts: ट is DEVANAGARI LETTER TTA, े is DEVANAGARI VOWEL SIGN E.
"""

import re
import unicodedata
from functools import cache

_NORTHERN = ("DEVANAGARI", "GUJARATI", "GURMUKHI", "BENGALI")
"""Scripts of languages that do not speak the last `a` of a word."""
_SCRIPTS = "|".join((*_NORTHERN, "ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM"))
_NAME = re.compile(rf"({_SCRIPTS}) (LETTER|VOWEL SIGN|(?:SIGN)?) ?(.+)")
_WORD = re.compile("[\u0900-\u0d7f\u200c\u200d]+")
_SOUNDS = {
    "ca": "cha",
    "cha": "chha",
    "ssa": "sha",
    "vocalic r": "ri",
    "vocalic rr": "ri",
    "vocalic l": "li",
    "llla": "zha",
}
_DOTTED = {"ja": "za", "pha": "fa", "da": "ra", "dha": "rha"}
"""Letters with a dot below: ज़, फ़, ड़, ढ़."""
_NASALS = frozenset({"ANUSVARA", "CANDRABINDU", "BINDI", "TIPPI"})
_GLIDES = "yrvnm"
"""Behind another consonant the last `a` is spoken with these: mitra, surya, karma, but not in tredars."""
_LIPS = "pbm"
"""Before these a nasal is an m, before all others an n."""


def romanised(text: str) -> str:
    """The text with its words of Indian scripts in Latin letters; all others are left as they are."""
    return _WORD.sub(lambda found: _word(found[0]), text)


def _word(word: str) -> str:
    parts: list[str] = []
    spoken = joined = after_joined = False
    script = ""
    for character in unicodedata.normalize("NFD", word):
        if character.isdecimal():
            parts.append(str(unicodedata.decimal(character)))
            spoken = False
            continue
        found = _NAME.fullmatch(unicodedata.name(character, ""))
        if found is None:
            continue
        script, kind, name = found[1], found[2], found[3]
        if kind == "LETTER":
            parts.append(_sound(name))
            spoken = re.fullmatch("[^aeiou]+a", parts[-1]) is not None
            after_joined, joined = joined, False
            continue
        if name == "NUKTA":
            parts[-1:] = [_DOTTED.get(part, part) for part in parts[-1:]]
            continue
        silent = kind == "VOWEL SIGN" or name == "VIRAMA"
        if silent and spoken:
            parts[-1] = parts[-1].removesuffix("a")
        spoken, joined = False, name == "VIRAMA"
        if kind == "VOWEL SIGN":
            parts.append(_sound(name))
        elif name in _NASALS:
            parts.append("~")
        elif name == "VISARGA":
            parts.append("h")
    whole = "".join(parts)
    if spoken and script in _NORTHERN and len(parts) > 1 and not (after_joined and whole[-2] in _GLIDES):
        whole = whole.removesuffix("a")
    return re.sub("~(.?)", lambda at: ("m" if at[1] and at[1] in _LIPS else "n") + at[1], whole)


@cache
def _sound(name: str) -> str:
    """What a letter sounds like: doubled letters of its name only tell it from others."""
    low = name.lower()
    for described in ("candra ", "short ", "archaic ", "khanda ", "chillu "):
        if low.startswith(described):
            low = low.removeprefix(described)
            if described in {"khanda ", "chillu "}:
                return re.sub(r"(.)\1+", r"\1", low).removesuffix("a")
    if low in _SOUNDS:
        return _SOUNDS[low]
    return re.sub(r"([^h])\1+", r"\1", low) if " " not in low else ""
