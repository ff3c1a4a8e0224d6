"""lm-eval's own tasks through both doors: scored here, and read from what lm-eval logged of the same model.

    python benchmarks/doors.py     # a line for each task that differs, in a few minutes

The tasks and their documents are those of ``benchmarks/lm_eval_tasks.py``. lm-eval evaluates the prepared suites with
relscale's engine as its model, so that what differs is the doors' doing. Its log is read twice: with the results that
it wrote beside the samples, and as samples alone.
"""

import contextlib
import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet
from lm_eval_tasks import TASKS, lm_eval_tasks, relscale, save_model, write_data

TOLERANCE = 1e-6
COLUMNS = ("items", "bytes", "status")
Rows = dict[tuple[str, str, str], dict[str, Any]]  # by group, prompt and metric


def main() -> None:
    """Score, log, read both, and compare every row."""
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="doors-") as folder:
        run(Path(folder))


def run(folder: Path) -> None:
    """All of it, in a folder."""
    save_model(folder / "model", steps=30)
    data = write_data(TASKS, folder / "data")
    with contextlib.redirect_stdout(None):
        relscale(TASKS, data, folder / "model", folder / "relscale")
    scored = read(folder / "relscale" / "measurements.parquet")
    log(folder)
    for name in ("with results", "samples alone"):
        logged = collect(folder, name)
        differing: dict[str, list[str]] = {}
        for key in sorted(scored.keys() | logged.keys()):
            told = difference(scored.get(key), logged.get(key))
            if told:
                differing.setdefault(key[0], []).append(f"{key[2]}: {told}")
        tasks = {group for group, _, _ in scored}
        print(f"{name}: {len(scored)} rows of {len(tasks)} tasks of {lm_eval_tasks().parent.name}")
        for task, lines in differing.items():
            print(f"  {task}: {len(lines)} rows differ; {lines[0]}")


def log(folder: Path) -> None:
    """Let lm-eval evaluate and log every prepared suite, and keep a copy of the samples alone."""
    import lm_eval
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    import relscale.scoring.local_data  # noqa: F401  (the tasks of prepared suites name it)
    from relscale.scoring.engine import Engine
    from relscale.scoring.manifest import read_manifest

    engine = Engine(str(folder / "model"), dtype="float32")
    for suite in sorted((folder / "relscale").glob("results/*/suites/*/suite.yaml")):
        manager = TaskManager(include_defaults=False, include_path=str(suite.parent / "tasks"))
        names = list(read_manifest(suite.parent).tasks)
        found = lm_eval.simple_evaluate(
            engine, tasks=names, task_manager=manager, log_samples=True, bootstrap_iters=0
        )
        assert found is not None
        tracker = EvaluationTracker(output_path=str(folder / "with results"))
        tracker.general_config_tracker.log_experiment_args("hf", "pretrained=tiny", None, None, None)
        samples = found.pop("samples")
        tracker.save_results_aggregated(found, samples=samples)
        for name, own in samples.items():
            tracker.save_results_samples(name, own)
    (folder / "samples alone").mkdir()
    for path in (folder / "with results").rglob("samples_*.jsonl"):
        shutil.copy(path, folder / "samples alone")


def collect(folder: Path, name: str) -> Rows:
    """The measurements that relscale reads from a log."""
    from relscale.cli import main as command

    table = (
        "samples,corpus,run,params,tokens,training_flops\n" + f"{folder / name},any,tiny,1000,100000,1e9\n"
    )
    (folder / "relscale" / "models.csv").write_text(table)
    with contextlib.chdir(folder / "relscale"):
        code = command(["collect", "config.yaml", "--output", str(folder / f"{name}.parquet")])
    if code:
        raise SystemExit(f"relscale collect: exit code {code}")
    return read(folder / f"{name}.parquet")


def read(path: Path) -> Rows:
    """Measurements by group, prompt and metric."""
    rows = pyarrow.parquet.read_table(path).to_pylist()
    return {(row["group"], row["prompt"], row["metric"]): row for row in rows}


def difference(ours: dict[str, Any] | None, theirs: dict[str, Any] | None) -> str | None:
    """In what two rows differ, in words."""
    if ours is None or theirs is None:
        return "only scored" if theirs is None else "only logged"
    for column in COLUMNS:
        if ours[column] != theirs[column]:
            return f"{column} {ours[column]} and {theirs[column]}"
    one, other = ours["value"], theirs["value"]
    if (one is None) != (other is None) or (
        one is not None and abs(one - other) > TOLERANCE * max(1, abs(one))
    ):
        return f"{one} and {other}"
    return None


if __name__ == "__main__":
    main()
