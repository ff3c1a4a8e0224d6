"""Which code is part of a result's identity, as `relscale.provenance.code_digest` reads it.

All code counts that a stage reaches by its imports, with the versions of the libraries that it imports. A module that
cannot change a number, because it moves bytes or reports progress, says so itself, with the reason, in a constant
``CHANGES_NO_NUMBER``; libraries that cannot are named here. Where that rule is wrong, a developer says so here:
a higher number in ``REVISIONS`` makes results anew, and a line in ``SAME_NUMBERS`` keeps existing results.
"""

CHANGES_NO_NUMBER = "says what counts; another answer is another key as it is"

# Libraries that move bytes, and the parts of them that compute all the same.
CARRIER_LIBRARIES = {
    "choreographer": "starts a browser",
    "datasets": "hands over the rows of files whose commit is pinned",
    "fsspec": "opens files",
    "huggingface_hub": "downloads files",
    "kaleido": "starts a browser",
    "psutil": "asks for free memory",
    "pyarrow": "holds tables",
    "pydantic": "holds the values of the config",
    "pydantic_core": "holds the values of the config",
    "safetensors": "reads and writes weights",
    "tabulate": "prints tables",
    "yaml": "reads and writes configs",
    "zstandard": "unpacks files",
}
COMPUTING_PARTS = ("pyarrow.compute",)

# Asked-for module -> number. Raise it to make all that was made by this module anew, though no code has changed.
REVISIONS: dict[str, int] = {}

# What is now -> what it was, where both give the same numbers and results are to be kept. Either two digests of code,
# as `python -m relscale.provenance MODULE` prints them before and after the change, or two versions of a library:
# "torch==2.9.1": "torch==2.9.0".
SAME_NUMBERS: dict[str, str] = {}
