"""Names of files made of names: whatever a corpus, run or suite is called, its files have names that are safe anywhere.

A name may be any text: ``The Pile``, ``EleutherAI/pythia-70m``, ``../x``, ``$(reboot)``. It stays as it is in configs,
manifests and tables. Paths, wildcards and command lines have its file name, in which no shell, no pattern of Snakemake
and no file system sees anything but letters.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable

LONGEST = 100  # characters of a name that is its own file name; some endings are added to it, and 255 bytes are allowed
SLUG = 40  # characters that are kept of any other
DIGITS = 10  # of the digest
PLAIN = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST - 1}}}")
WITH_DIGEST = re.compile(rf".*-[0-9a-f]{{{DIGITS}}}")


def file_name(name: str) -> str:
    """The name itself where it is plain, else what is readable of it and a digest: ``The-Pile-5f0a3bc1d2``.

    Plain are letters and digits of ASCII, dots, hyphens and underscores after a letter or digit. Two names have one
    file name only where their sha256 agree in 40 bits: a plain name that ends like a digest gets one of its own.
    """
    if PLAIN.fullmatch(name) and not WITH_DIGEST.fullmatch(name):
        return name
    ascii_only = unicodedata.normalize("NFKD", name[: 4 * SLUG]).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9_]+", "-", ascii_only)[:SLUG].strip("-_") or "x"
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
    return f"{slug}-{digest}"


def named(names: Iterable[str], text: str) -> str:
    """The one of ``names`` whose file name is ``text``; else ``text``, which is then a name itself, or none of them."""
    return next((name for name in names if file_name(name) == text), text)
