"""Announcement of computations that are expected to take long, in the log ``relscale``."""

import logging

CHANGES_NO_NUMBER = "reports the expected time of a computation"

ANNOUNCED = 10.0  # seconds from which on a computation is announced

log = logging.getLogger("relscale")


def announce(computation: str, seconds: float, advice: str) -> None:
    """Log a warning before a long computation; Python prints it on standard error unless the log has a handler.

    Parameters
    ----------
    computation
        What is computed.
    seconds
        Its expected time.
    advice
        What shortens it.
    """
    if seconds > ANNOUNCED:
        log.warning("%s, expected to take about %.0f s; %s", computation, seconds, advice)
