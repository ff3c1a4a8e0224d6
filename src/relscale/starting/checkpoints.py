"""A config for released models, and the table of them that it reads."""

from collections.abc import Sequence
from pathlib import Path

from relscale.starting.parts import quoted, relative, schema_line

HEADER = "run,model,revision,corpus,params,tokens,training_flops"


def checkpoints_config(table: Path, name: str, folder: Path) -> str:
    """The config, as text with comments.

    Parameters
    ----------
    table
        Of the checkpoints.
    name
        Of the experiment.
    folder
        Where the config will be.
    """
    return "\n".join(
        [
            schema_line(folder),
            "# An audit of released models: nothing is trained. `relscale pin` records the commits of what is on the",
            "# hub, `relscale plan` shows the table as it is read, `relscale run` scores, fits and reports.",
            f"experiment: {quoted(name)}",
            "seed: 0",
            "",
            "# One row per model: `model` is a folder beside the table or a name on the hub; `tokens` are those it was",
            "# trained on. Empty params are counted in a local folder, and empty FLOPs are 6 · params · tokens. Where",
            "# lm-eval has scored a model (--log_samples), name the folder of its samples as `samples`, not `model`.",
            f"runs: {{source: checkpoints, table: {quoted(relative(table, folder))}}}",
            "",
            "suites: # `relscale suites` lists those there are; or tasks of lm-eval by name",
            "  mmlu: {forms: [cloze]}",
            "  # reasoning: {lm_eval: [hellaswag, arc_easy]}",
            "",
            "scoring: {job: run} # a job per model; `dtype: bfloat16` and `device: cuda:0` where there is a GPU",
            "",
            "figures: [relative-law, exponents]",
            "",
        ]
    )


def checkpoints_table(models: Sequence[str], folder: Path) -> str:
    """The table, as CSV: a row per model, whose training is to be filled in.

    Parameters
    ----------
    models
        Folders, or names on the hub.
    folder
        Where the table will be.
    """
    rows = [
        f"{Path(model).name},{relative(Path(model), folder) if Path(model).exists() else model},,unknown,,,"
        for model in models
    ]
    return "\n".join([HEADER, *rows, ""])
