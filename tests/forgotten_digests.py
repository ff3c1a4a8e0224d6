"""Digests of code that are made anew, as in a process that starts."""

from relscale import provenance


def forget() -> None:
    """Clear what ``relscale.provenance`` keeps for a process."""
    for function in (
        provenance._part,
        provenance._reached,
        provenance._imported_modules,
        provenance._imported_libraries,
        provenance._file,
        provenance._module,
        provenance.reason_excluded,
    ):
        function.cache_clear()
    forget_versions()


def forget_versions() -> None:
    """Clear the versions of libraries, and the digests that have them."""
    provenance._version.cache_clear()
    provenance.code_digest.cache_clear()
