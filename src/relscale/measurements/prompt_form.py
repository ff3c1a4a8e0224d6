"""The prompt form that a suite is shown by."""

from collections.abc import Iterable

DEFAULT = "default"


def shown_form(stated: str | None, measured: Iterable[str | None]) -> str | None:
    """The prompt form that a suite is shown by, in verdicts, summaries and figures.

    The stated form; if that was not measured, ``default``; if that was not either, the first by name.

    Parameters
    ----------
    stated
        The form that a manifest or config names; None if it names none.
    measured
        The forms under which the suite was measured.

    Examples
    --------
    >>> shown_form("letters", ["cloze", "letters"]), shown_form(None, ["cloze", "default"])
    ('letters', 'default')
    >>> shown_form("default", ["letters", "cloze"])
    'cloze'
    """
    return min(measured, key=lambda form: (form != stated, form != DEFAULT, str(form)), default=None)
