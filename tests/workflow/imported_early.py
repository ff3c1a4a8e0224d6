"""What a server of forks imports and works out, so that no fork does: libraries, command lines, schemas of configs."""

import importlib
from collections.abc import Iterable

PARQUET = ("pandas", "pyarrow.pandas_compat", "pyarrow.parquet")
PLOTLY = (
    *("plotly.io", "plotly.offline"),
    *(f"plotly.graph_objs._{name}" for name in ("figure", "scatter", "bar", "layout")),
    *(
        f"plotly.graph_objs.layout.{name}"
        for name in ("_annotation", "_legend", "_shape", "_template", "_title")
    ),
    *(f"plotly.graph_objs.layout.{name}" for name in ("_xaxis", "_yaxis", "xaxis._title", "yaxis._title")),
    *(f"plotly.graph_objs.scatter.{name}" for name in ("_line", "_marker", "marker._line")),
)
SNAKEMAKE = (
    *(f"snakemake.{name}" for name in ("workflow", "dag", "scheduling.greedy", "executors.local", "storage")),
    *(
        "snakemake.profiles",
        "snakemake_executor_plugin_slurm",
        "snakemake_logger_plugin_relscale",
        "smart_open",
    ),
    *("relscale.experiments.check", "relscale.commands.report", "relscale.workflow.snakemake_options"),
    *(f"relscale.workflow.{name}" for name in ("failed_jobs", "lock_files", "pipeline", "recovery")),
)


def import_all(names: Iterable[str]) -> None:
    for name in names:
        importlib.import_module(name)


def read_configs() -> None:
    """What reads any config."""
    from relscale.experiments.config_schema import schema_of_source
    from relscale.experiments.experiment import BY_SOURCE
    from relscale.scoring import manifest

    import_all(
        ["relscale.experiments.config", "relscale.experiments.results", "relscale.design.recipes.laptop"]
    )
    for source in BY_SOURCE:
        schema_of_source(source)
    manifest._schema()


def run_snakemake() -> None:
    """Snakemake with its plugins, which it looks for among all of the installed packages."""
    from snakemake.cli import get_argument_parser

    import_all(SNAKEMAKE)
    read_configs()
    get_argument_parser()
