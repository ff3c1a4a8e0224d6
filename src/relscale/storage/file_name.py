"""File names of corpora, runs and suites, which are safe everywhere whatever the name.

A name may be any text: ``The Pile``, ``EleutherAI/pythia-70m``, ``../x``, ``$(reboot)``. It is unchanged in configs,
manifests and tables. Paths, wildcards and command lines use its file name, which has no special meaning to shells,
Snakemake or file systems. File names differ in more than case, because a file system may ignore case.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable

CHANGES_NO_NUMBER = "names of files"

LONGEST = 100  # characters of a name used unchanged; suffixes are added, and 255 bytes are allowed
SLUG = 40  # characters kept of other names
DIGITS = 10  # hexadecimal digits of the digest
PLAIN = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST - 1}}}")
SHAPE = re.compile(r"\bd(\d+)-l(\d+)-b(\d+)\b")  # shape in a lower-case run name, whose L and B are capitals
WITH_DIGEST = re.compile(rf".*-[0-9a-f]{{{DIGITS}}}")


def file_name(name: str) -> str:
    """The name itself if it is plain, else its readable part and a digest: ``The-Pile-5f0a3bc1d2``.

    Plain names consist of lower-case ASCII letters, digits, and dots, hyphens and underscores after one of these, and
    may contain the shape of a model, ``d64-L2-B16``. Two names have the same file name, ignoring case, only if their
    sha256 agree in 40 bits: a plain name that ends like a digest gets a digest too.
    """
    if PLAIN.fullmatch(name) and not WITH_DIGEST.fullmatch(name) and name == _usual_case(name):
        return name
    ascii_only = unicodedata.normalize("NFKD", name[: 4 * SLUG]).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9_]+", "-", ascii_only)[:SLUG].strip("-_") or "x"
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
    return f"{slug}-{digest}"


def _usual_case(name: str) -> str:
    """The spelling, among those that differ from ``name`` in case only, that may be plain."""
    return SHAPE.sub(r"d\1-L\2-B\3", name.lower())


def by_file_name(names: Iterable[str]) -> dict[str, str]:
    """The names by their file names."""
    return {file_name(name): name for name in names}


def named(names: Iterable[str], text: str) -> str:
    """The name in ``names`` whose file name is ``text``, else ``text`` itself."""
    return by_file_name(names).get(text, text)
