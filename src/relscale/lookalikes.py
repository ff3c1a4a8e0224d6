"""Names that differ where nobody sees it: ``b`` and ``b`` with a space, ``é`` in one character and in two.

Two such names are one group to whoever wrote them, and two to a program, which would compare half of the rows with the
other half. Case is a difference that shows.
"""

import unicodedata
from collections.abc import Iterable

from relscale.errors import RelscaleError

CHANGES_NO_NUMBER = "refuses names that only look alike"

SHOWN = 40  # characters of a name in a message
# Letters and dashes that are drawn as Latin ones, or as the hyphen of the keyboard.
_DRAWN_AS = str.maketrans(
    "АВЕКМНОРСТУХЅІЈаеорсухѕіј" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο" + "\u2010\u2011\u2212",
    "ABEKMHOPCTYXSIJaeopcyxsij" + "ABEZHIKMNOPTYXo" + "---",
)
_JOINERS = "\u200c\u200d"  # without width, but they change how their neighbours are drawn


def check_lookalikes(names: Iterable[str], place: str) -> None:
    """Check that no two names look alike.

    Parameters
    ----------
    names
        Each as often as it comes.
    place
        Where they stand, for the message.

    Raises
    ------
    RelscaleError
        Two of them look alike; the message spells out in what they differ.

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


def appearance(name: str) -> str:
    """The appearance of a name; the same for two that look alike.

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
    """Two names in quotes, with escapes where they would look the same; of long names the part that differs."""
    first = next(
        (place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(other)),
    )
    one, other = (_around(name, first) for name in (one, other))
    spell = ascii if _drawn(repr(one)) == _drawn(repr(other)) else repr
    return f"{spell(one)} and {spell(other)}".replace("\\u2026", "…")


def _drawn(text: str) -> str:
    return unicodedata.normalize("NFC", text).translate(_DRAWN_AS)


def _around(name: str, place: int) -> str:
    if len(name) <= SHOWN:
        return name
    start = max(0, place - SHOWN // 2)
    part = name[start : start + SHOWN]
    return ("…" if start else "") + part + ("…" if start + SHOWN < len(name) else "")
