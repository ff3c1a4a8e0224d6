"""Names of files made of names: whatever a corpus, run or suite is called, its files have names that are safe anywhere.

A name may be any text: ``The Pile``, ``EleutherAI/pythia-70m``, ``../x``, ``$(reboot)``. It stays as it is in configs,
manifests and tables. Paths, wildcards and command lines have its file name, in which no shell, no pattern of Snakemake
and no file system sees anything but letters. File names differ in more than case, since a file system may ignore it.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable

CHANGES_NO_NUMBER = "names of files"

LONGEST = 100  # characters of a name that is its own file name; some endings are added to it, and 255 bytes are allowed
SLUG = 40  # characters that are kept of any other
DIGITS = 10  # of the digest
PLAIN = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST - 1}}}")
SHAPE = re.compile(r"\bd(\d+)-l(\d+)-b(\d+)\b")  # in a run's name, where L and B are capitals
WITH_DIGEST = re.compile(rf".*-[0-9a-f]{{{DIGITS}}}")


def file_name(name: str) -> str:
    """The name itself where it is plain, else what is readable of it and a digest: ``The-Pile-5f0a3bc1d2``.

    Plain are small letters and digits of ASCII, dots, hyphens and underscores after a letter or digit, and the shape
    of a model as runs are called by it, ``d64-L2-B16``. Two names have one file name, but for case, only where their
    sha256 agree in 40 bits: a plain name that ends like a digest gets one of its own.
    """
    if PLAIN.fullmatch(name) and not WITH_DIGEST.fullmatch(name) and name == _usual_case(name):
        return name
    ascii_only = unicodedata.normalize("NFKD", name[: 4 * SLUG]).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9_]+", "-", ascii_only)[:SLUG].strip("-_") or "x"
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
    return f"{slug}-{digest}"


def _usual_case(name: str) -> str:
    """The one among the names which differ from ``name`` in case alone that may be plain."""
    return SHAPE.sub(r"d\1-L\2-B\3", name.lower())


def named(names: Iterable[str], text: str) -> str:
    """The one of ``names`` whose file name is ``text``; else ``text``, which is then a name itself, or none of them."""
    return next((name for name in names if file_name(name) == text), text)
