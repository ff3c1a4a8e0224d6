"""Assignment of modules to training, validation and test."""

import hashlib


def fraction(*parts: object) -> float:
    """Uniform hash of ``parts`` to [0, 1), the same in every process and version."""
    text = "\0".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big") / 2**56


def split_of(module: str, seed: int, validation: float, test: float) -> str:
    """The split of a module: ``test`` and ``validation`` with these probabilities, else ``train``.

    It depends only on the module's name and the seed, so that a module's docstrings and code are held out together, and
    adding or removing a package does not change the splits of other modules.
    """
    draw = fraction("split", seed, module)
    if draw < test:
        return "test"
    return "validation" if draw < test + validation else "train"
