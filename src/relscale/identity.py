"""Which code is part of a result's identity, as `relscale.provenance.code_digest` reads it.

All code counts that a stage reaches by its imports, with the versions of the libraries that it imports, but for what is
named here with the reason why it cannot change a number. Where that rule is wrong for once, a developer says so here:
a number in ``REVISIONS`` is raised to make results anew, and a line in ``SAME_NUMBERS`` keeps those that are there.
"""

# Modules that move bytes, or say how things went. One that a caller of `code_digest` asks for by name counts all the
# same, with all that it imports.
CARRIERS = {
    "relscale": "the version of the package; what it computes is in its modules",
    "relscale.storage.atomic": "writes a file whole or not at all",
    "relscale.storage.checked_parquet": "adds a digest to a file, and refuses a file that differs from its own",
    "relscale.storage.checksums": "refuses a folder that is not what was written",
    "relscale.commands.inputs": "the files and the experiment that a verb is given",
    "relscale.experiments.config": "reads the config, whose values are digested wherever they count",
    "relscale.storage.entries": "lists what a job made and where it is",
    "relscale.errors": "the sentences of errors",
    "relscale.experiments.experiment": "holds the config's sections; their values are digested where they count",
    "relscale.storage.file_name": "names of files",
    "relscale.gpu": "says whether there is a GPU; another answer is another key as it is",
    "relscale.hub": "fetches the files of one commit, whose content is digested wherever it counts",
    "relscale.identity": "this table",
    "relscale.workflow.jobs": "groups runs into jobs, whose runs are digested wherever they count",
    "relscale.storage.lock": "keeps two processes from one file at once",
    "relscale.lookalikes": "refuses names that only look alike",
    "relscale.printable": "spells out what would steer a terminal, in what is shown",
    "relscale.storage.process": "ends a process with the one that started it",
    "relscale.provenance": "digests; another digest is another key as it is",
    "relscale.storage.record": "reads and writes records, whose values are digested wherever they count",
    "relscale.experiments.results": "names of files",
    "relscale.storage.rows": "gives a table the names and types that its row declares, which count there",
    "relscale.experiments.section": "gives a section of the config the types that it declares, which count there",
    "relscale.suggestions": "the names that come near a mistyped one",
    "relscale.syntax_tree": "reads code to digest it; another digest is another key as it is",
    "relscale.storage.tables": "stores a table; where it reads a user's own, the stage asks for it by name",
    "relscale.training.heap": "keeps freed memory for the next step",
    "relscale.training.interruption": "says when a training is to stop; a resumed one has the same numbers",
    "relscale.training.key": "names a run; another name is another key as it is",
    "relscale.training.metrics_logger": "logs the curve, which the result holds anyway",
    "relscale.training.numerical_path": "says which kernels train; another answer is another key as it is",
    "relscale.training.ownership": "keeps two processes from training one run at once",
    "relscale.training.progress": "says how far a job is",
    "relscale.storage.user_cache": "where a user's cache is",
}

# Modules that put the stages together: only the functions that a stage uses of them count.
GLUE: tuple[str, ...] = ()

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
