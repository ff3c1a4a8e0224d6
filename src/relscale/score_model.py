"""One model scored on one suite, without an experiment."""

import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from relscale.arguments import typed
from relscale.errors import RelscaleError
from relscale.printable import PrintableStream
from relscale.storage.tables import read_table
from relscale.suggestions import suggestion
from relscale.table_fit.frame import Frame


@typed
def score(model: str | Path, suite: str | Path | Sequence[str], **options: Any) -> Frame:
    """Score one model on a suite, without an experiment.

    Parameters
    ----------
    model
        A folder in the format of Hugging Face, or a name on the hub; ``name@revision`` for a specific revision.
    suite
        One of ``relscale.suites()``, the folder of your own suite, or a list of lm-eval tasks.
    **options
        Options of the suite, as in a config: ``limit=50``, ``forms=["cloze"]``, ``data="folder"``.

    Returns
    -------
    Frame
        One row per group and metric: value, standard error, number of items.

    Raises
    ------
    RelscaleError
        The model or the suite does not exist, or libraries are missing.

    Examples
    --------
    >>> import relscale as rs
    >>> scored = rs.score("models/tiny", "behaviours")
    >>> sorted(scored.where(metric="accuracy")["group"])
    ['adversarial', 'capability', 'influence']
    """
    from relscale.cli import parsers
    from relscale.commands import collect
    from relscale.commands import score as score_command
    from relscale.commands import suite as suite_command
    from relscale.experiments.config import config_text, load_config
    from relscale.extras import named_extras, need
    from relscale.workflow.jobs import scoring_jobs

    need("score", "score")
    name, revision = _model(model)
    suite_name, suite_options = _suite(suite, options)
    messages: Any = PrintableStream(sys.stderr)
    with TemporaryDirectory() as folder, named_extras("score", "score"), redirect_stderr(messages):
        at = Path(folder)
        header = "model,revision,corpus,params,tokens,training_flops"
        at.joinpath("models.csv").write_text(f'{header}\n"{name}",{revision},all,,,1\n', encoding="utf-8")
        config = {
            "experiment": "score",
            "store": str(at / "store"),
            "runs": {"source": "checkpoints", "table": str(at / "models.csv")},
            "suites": {suite_name: suite_options},
        }
        path, manifest = at / "score.yaml", at / suite_name / "suite.yaml"
        scores, output = at / "scores.json", at / "measurements.parquet"
        path.write_text(config_text(config, at), encoding="utf-8")
        ((corpus, job),) = scoring_jobs(load_config(path))
        _, verbs = parsers(("suite", "score", "collect"))

        def run(command: ModuleType, verb: str, *arguments: str) -> None:
            command.run(verbs[verb].parse_args([str(path), *arguments]))

        of_suite = f"--suites={manifest}", "--runs"
        run(suite_command, "suite", f"--suite={suite_name}", "--documents", f"--output={manifest}")
        run(score_command, "score", f"--corpus={corpus}", f"--job={job}", *of_suite, f"--output={scores}")
        run(collect, "collect", f"--scores={scores}", *of_suite, f"--output={output}")
        columns = ["suite", "prompt", "group", "metric", "value", "stderr", "items", "status"]
        return Frame(read_table(output).select(columns))


def _model(model: str | Path) -> tuple[str, str]:
    """A model's folder or name, and its revision, which may be empty."""
    if Path(model).is_dir():
        return str(Path(model).absolute()), ""
    name, _, revision = str(model).partition("@")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        raise RelscaleError(f"score: no model in {name}; give its folder, or its name on the hub")
    return name, revision


def _suite(suite: str | Path | Sequence[str], options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and options of a suite, as in a config."""
    from relscale.scoring.suite_description import available_suites

    if not isinstance(suite, str | Path):
        return "tasks", {"lm_eval": list(suite), **options}
    known = available_suites()
    is_data = (
        str(suite) in known and not Path(suite, "suite.yaml").is_file()
    )  # the shipped suite's, by its name
    if Path(suite).is_dir() and not is_data:
        return Path(suite).name, {"path": str(Path(suite).absolute()), **options}
    if str(suite) not in known:
        raise RelscaleError(f"score: no suite {str(suite)!r}; {suggestion(str(suite), known)}")
    return str(suite), dict(options)
