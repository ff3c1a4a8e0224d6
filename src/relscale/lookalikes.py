"""Different names that look alike: ``b`` with and without a trailing space, ``é`` as one character and as two.

The author of a table means one group by two such names, but a program would treat them as two and compare half of the
rows with the other half. Names that differ in case are distinct, and remarked on.
"""

import unicodedata
from collections.abc import Iterable

from relscale.errors import RelscaleError

CHANGES_NO_NUMBER = "rejects names that look alike"

SHOWN = 40  # characters of a name in a message
# Cyrillic and Greek letters that look like Latin ones, and dashes that look like a hyphen.
_LATIN = str.maketrans(
    "АВЕКМНОРСТУХЅІЈаеорсухѕіј" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο" + "\u2010\u2011\u2212",
    "ABEKMHOPCTYXSIJaeopcyxsij" + "ABEZHIKMNOPTYXo" + "---",
)
_JOINERS = "\u200c\u200d"  # invisible, but they change the shape of their neighbours


def check_lookalikes(names: Iterable[str], place: str) -> None:
    """Check that no two names look alike.

    Parameters
    ----------
    names
        Names, possibly repeated.
    place
        Place of the names, for the message.

    Raises
    ------
    RelscaleError
        Two of them look alike; the message shows how they differ.

    Examples
    --------
    >>> check_lookalikes(["easy", "Easy", "hard"], "table.csv: column 'group'")
    >>> check_lookalikes(["easy", "easy "], "table.csv: column 'group'")
    Traceback (most recent call last):
    relscale.errors.RelscaleError: table.csv: column 'group': 'easy' and 'easy ' look alike; write one name in one way
    """
    known: dict[str, str] = {}
    for name in dict.fromkeys(names):
        other = known.setdefault(appearance(name), name)
        if other != name:
            raise RelscaleError(
                f"{place}: {distinguishable(other, name)} look alike; write one name in one way"
            )


def remarks_on_case(names: Iterable[str], place: str) -> list[str]:
    """Up to one remark: two of the names differ only in case, which may have been meant as one.

    Examples
    --------
    >>> remarks_on_case(["easy", "Easy", "hard"], "column 'group'")
    ["column 'group': 'easy' and 'Easy' are two names; if one is meant, write it in one way"]
    >>> remarks_on_case(["easy", "hard"], "column 'group'")
    []
    """
    known: dict[str, str] = {}
    for name in dict.fromkeys(names):
        other = known.setdefault(name.casefold(), name)
        if other != name:
            return [
                f"{place}: {distinguishable(other, name)} are two names; if one is meant, write it in one way"
            ]
    return []


def appearance(name: str) -> str:
    """The appearance of a name, which is equal for names that look alike.

    Examples
    --------
    >>> appearance("cafe\\u0301\\u200b ") == appearance("caf\\u00e9")
    True
    """
    if name.isascii():
        return " ".join(name.split())
    visible = (letter for letter in name if unicodedata.category(letter) != "Cf" or letter in _JOINERS)
    return " ".join(_drawn("".join(visible)).split())


def distinguishable(one: str, other: str) -> str:
    """Two names in quotes, escaped if they look the same; long names are cut to the part that differs."""
    first = next(
        (place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(other)),
    )
    one, other = (_around(name, first) for name in (one, other))
    spell = ascii if _drawn(repr(one)) == _drawn(repr(other)) else repr
    return f"{spell(one)} and {spell(other)}".replace("\\u2026", "…")


def _drawn(text: str) -> str:
    return unicodedata.normalize("NFC", text).translate(_LATIN)


def _around(name: str, place: int) -> str:
    if len(name) <= SHOWN:
        return name
    start = max(0, place - SHOWN // 2)
    part = name[start : start + SHOWN]
    return ("…" if start else "") + part + ("…" if start + SHOWN < len(name) else "")
