"""The code and libraries that are part of a result's identity (`relscale.provenance.code_digest`).

All code that a stage imports, directly or not, is part of the identity of its results, and so are the versions of the
libraries that it imports. A module that cannot change a number, because it moves bytes or reports progress, is excluded
by a constant ``CHANGES_NO_NUMBER`` that gives the reason; such libraries are listed here. A developer can override the
rule: raising a number in ``REVISIONS`` recomputes results, and an entry in ``SAME_NUMBERS`` keeps existing results.
"""

CHANGES_NO_NUMBER = "configures the digests; another digest is another key in any case"

# Libraries that cannot change a number, and parts of them that can.
NON_COMPUTING_LIBRARIES = {
    "choreographer": "starts a browser",
    "datasets": "reads the rows of files whose commit is pinned",
    "fsspec": "opens files",
    "huggingface_hub": "downloads files",
    "kaleido": "starts a browser",
    "psutil": "reads the free memory",
    "pyarrow": "stores tables",
    "pydantic": "stores the values of the config",
    "pydantic_core": "stores the values of the config",
    "safetensors": "reads and writes weights",
    "tabulate": "prints tables",
    "yaml": "reads and writes configs",
    "zstandard": "unpacks files",
}
COMPUTING_PARTS = ("pyarrow.compute",)

# Module -> revision. Raise the revision to recompute the results of a module whose code has not changed.
REVISIONS: dict[str, int] = {}

# New -> old, if both give the same numbers and existing results stay valid: either two code digests, as printed by
# `python -m relscale.provenance MODULE` before and after the change, or two versions of a library, such as
# "torch==2.9.1": "torch==2.9.0".
SAME_NUMBERS: dict[str, str] = {}
