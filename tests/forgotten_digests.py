"""Digests of code that are made anew, as in a process that starts."""

from relscale import provenance


def forget() -> None:
    """Clear what ``relscale.provenance`` keeps for a process."""
    for function in (
        provenance.code_digest,
        provenance._part,
        provenance._file,
        provenance._module,
        provenance._resolved,
        provenance._version,
    ):
        function.cache_clear()
