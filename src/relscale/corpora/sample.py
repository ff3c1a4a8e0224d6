"""Sample of a corpus, limited in bytes, by whole modules."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from relscale.corpora.documents import Document
from relscale.corpora.split import fraction


def sample_modules(
    documents: Sequence[Document], splits: Sequence[str], max_bytes: Mapping[str, float], seed: int
) -> list[int]:
    """Positions of the sampled documents when each part's training text is limited in bytes.

    Modules are taken in the order of a hash of their names until the next one would exceed the limit, so that no
    package is favoured and a larger sample contains a smaller one. Held-out text is not sampled: it costs no training,
    and every test document adds precision.

    Parameters
    ----------
    max_bytes
        Maximum bytes of UTF-8 by part; other parts are not sampled.
    """
    sizes: defaultdict[tuple[str, str], int] = defaultdict(int)
    for document, split in zip(documents, splits, strict=True):
        if split == "train" and document.part in max_bytes:
            sizes[document.part, document.module] += len(document.text.encode())
    taken = set()
    for part, limit in max_bytes.items():
        total = 0
        modules = [module for module_part, module in sizes if module_part == part]
        for module in sorted(modules, key=lambda name: (fraction("sample", seed, name), name)):
            total += sizes[part, module]
            if total > limit:
                break
            taken.add((part, module))
    return [
        position
        for position, (document, split) in enumerate(zip(documents, splits, strict=True))
        if split != "train" or document.part not in max_bytes or (document.part, document.module) in taken
    ]
