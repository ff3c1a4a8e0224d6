"""The one error that a user of relscale should ever see."""


class RelscaleError(Exception):
    """Bad input, in one line: what is wrong, where, and what to do about it.

    The command line prints the message alone and exits with status 1. Anything else that is raised is a bug and
    keeps its traceback.
    """
