"""Template of a config for released models, and of its table of checkpoints."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from relscale.starting.parts import quoted, relative, schema_line

HEADER = ("run", "model", "revision", "corpus", "params", "tokens", "training_flops")


def checkpoints_config(table: Path, name: str, folder: Path) -> str:
    """The config, as text with comments.

    Parameters
    ----------
    table
        Path of the table of checkpoints.
    name
        Name of the experiment.
    folder
        Folder of the config.
    """
    return "\n".join(
        [
            schema_line(folder),
            "# An audit of released models: nothing is trained. `relscale pin` records the commits of models on the",
            "# hub, `relscale plan` shows how the table is read, `relscale run` scores the models, fits and reports.",
            f"experiment: {quoted(name)}",
            "seed: 0",
            "",
            "# One row per model: `model` is a folder beside the table or a name on the hub; `tokens` are the training",
            "# tokens. Empty params are counted in a local folder; empty FLOPs are 6 · params · tokens. For a model",
            "# that lm-eval has scored (--log_samples), give the folder of its samples as `samples`, not `model`.",
            f"runs: {{source: checkpoints, table: {quoted(relative(table, folder))}}}",
            "",
            "suites: # shipped suites (see `relscale suites`), or tasks of lm-eval by name",
            "  mmlu: {forms: [cloze]}",
            "  # reasoning: {lm_eval: [hellaswag, arc_easy]}",
            "",
            "scoring: {job: run} # one job per model; on a GPU, add `dtype: bfloat16` and `device: cuda:0`",
            "",
            "figures: [relative-law, exponents]",
            "",
        ]
    )


def checkpoints_table(models: Sequence[str], folder: Path) -> str:
    """The table, as CSV: one row per model, with empty cells for its training.

    Parameters
    ----------
    models
        Folders, or names on the hub.
    folder
        Folder of the table.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(HEADER)
    for name, model in zip(_names(models), models, strict=True):
        place = relative(Path(model), folder) if Path(model).exists() else model
        table.writerow([name, place, "", "unknown", "", "", ""])
    return text.getvalue()


def _names(models: Sequence[str]) -> list[str]:
    """A name for each model: the last part of its path, after as many parts before it as tell the models apart."""
    parts = [[part for part in Path(model).parts if part != "/"] for model in models]
    deepest = max(map(len, parts))
    several = (["-".join(path[-depth:]) for path in parts] for depth in range(1, deepest + 1))
    return next(
        (names for names in several if len(set(names)) == len(set(models))), [path[-1] for path in parts]
    )
