"""Template of a config for released models, and of its table of checkpoints."""

from collections.abc import Sequence
from pathlib import Path

from relscale.starting.parts import quoted, relative, schema_line

HEADER = "run,model,revision,corpus,params,tokens,training_flops"


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
    rows = [
        f"{Path(model).name},{relative(Path(model), folder) if Path(model).exists() else model},,unknown,,,"
        for model in models
    ]
    return "\n".join([HEADER, *rows, ""])
