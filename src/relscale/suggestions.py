"""Suggestions for mistyped names: did you mean …?"""

import difflib
import re
from collections.abc import Iterable

CHANGES_NO_NUMBER = "suggestions in error messages"

MOST_LISTED = 10  # names in a message
SHORTEST_PART = 3  # characters of a part that identifies a name
LONGEST = 40  # characters of a name


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to a mistyped one, or the only one that contains it; case is ignored."""
    by_lower = {known_name.lower(): known_name for known_name in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    if not close and len(name) >= SHORTEST_PART:
        containing = [lower_name for lower_name in by_lower if name.lower() in lower_name]
        close = containing if len(containing) == 1 else []
    return by_lower[close[0]] if close else None


def suggestion(name: str, known: Iterable[str], otherwise: str = "there are") -> str:
    """The end of a message about an unknown name: the closest known name, or ``otherwise`` with all known names.

    Examples
    --------
    >>> suggestion("relativ", ["power", "relative"])
    "did you mean 'relative'?"
    >>> suggestion("pie", ["power", "relative"])
    'there are power, relative'
    """
    names = list(known)
    if not names:
        return f"{otherwise} none"
    close = nearest(name, names)
    if close is not None:
        return f"did you mean {_short(close)!r}?"
    more = " …" if len(names) > MOST_LISTED else ""
    return f"{otherwise} {', '.join(map(_short, names[:MOST_LISTED]))}{more}"


def _short(name: str) -> str:
    line = re.sub(r"\s+", " ", name)  # with blanks at its ends, which may be the mistake
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
