"""Template of a config for the user's table: the full analysis, where ``relscale fit`` fits a single law."""

from pathlib import Path

from relscale.errors import RelscaleError
from relscale.starting.parts import quoted, relative, schema_line
from relscale.storage.tables import read_table
from relscale.table_fit.known_columns import guess_baseline, guess_column, guess_x, guess_y

OPTIONAL = ("params", "tokens", "corpus", "run", "block", "seed", "step")  # optional columns of measurements
IDENTIFYING = (
    "model",
    "size",
    "data_multiplier",
    "corpus",
    "seed",
    "step",
)  # columns that identify models, if present
METRICS = {
    "bpb": "bits_per_byte",
    "bits_per_byte": "bits_per_byte",
    "error": "error_rate",
    "error_rate": "error_rate",
}


def table_config(path: Path, name: str, folder: Path) -> str:
    """The config, as text with comments.

    Parameters
    ----------
    path
        The table: one row per model and group.
    name
        Name of the experiment.
    folder
        Folder of the config.

    Raises
    ------
    RelscaleError
        The table cannot be read, or no column's name is recognised as compute, a group or an error.
    """
    table = read_table(path)
    (x,) = guess_x(table, ["training_flops"], "power", str(path))
    group = guess_column(table, "group", [x])
    if group is None:
        raise RelscaleError(
            f"{path}: no column is called group, or subject, domain …; without groups there is no gap, and "
            f"`relscale fit {path}` fits a law"
        )
    y = guess_y(table, [x, group], str(path))
    columns = {"training_flops": x, "group": group, "value": y}
    columns |= {
        known: column
        for known in OPTIONAL
        if (column := guess_column(table, known, columns.values())) is not None
    }
    renamed = ", ".join(f"{known}: {quoted(column)}" for known, column in columns.items() if known != column)
    formats = []
    if "run" not in columns:
        identifying = [column for column in IDENTIFYING if column in table.column_names] or [x]
        run = "-".join(f"{{{column}}}" for column in identifying)
        formats = [f"      formats: {{run: {quoted(run)}}} # identify a model"]
    metric = METRICS.get(y.lower(), "nats_per_token")
    return "\n".join(
        [
            schema_line(folder),
            f"# The laws of {path.name}: nothing is trained. `relscale run` fits and reports.",
            f"experiment: {quoted(name)}",
            "seed: 0",
            "",
            "runs:",
            "  source: measurements",
            "  tables:",
            f"    - path: {quoted(relative(path, folder))}",
            "      # Columns of the table by relscale's names for them; guessed from their names.",
            f"      columns: {{{renamed}}}",
            *formats,
            "      # The metric is the name of the values in figures; lower values must be better.",
            f"      constants: {{suite: {quoted(name)}, metric: {metric}}}",
            "",
            "suites: # its title in figures",
            f"  {quoted(name)}:",
            f"    title: {quoted(name)}",
            f"    baseline: {quoted(guess_baseline(table, group, y, str(path)))} # the group with the largest error",
            f"    metric: {metric}",
            "",
            "fit: {frontier: all} # each model is a point; `parabola` finds the compute-optimal one of each budget",
            "",
            "figures: [relative-law, exponents, forecast]",
            "",
        ]
    )
