"""Inputs of commands: the experiment of a config file, and file options."""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from relscale.errors import RelscaleError, keyed
from relscale.suggestions import suggestion

if TYPE_CHECKING:
    from relscale.experiments.experiment import Experiment, ScoredExperiment, TrainingExperiment
    from relscale.experiments.results import Results

CHANGES_NO_NUMBER = "finds the input files and the experiment of a command"

T = TypeVar("T")
FIRST = {"checkpoints": "suite", "measurements": "collect"}  # first stage of experiments that train nothing


def add_config(parser: argparse.ArgumentParser) -> None:
    """The argument CONFIG."""
    parser.add_argument(
        "config", type=Path, help="YAML file of the experiment, or the name of a shipped experiment."
    )


def add_files(parser: argparse.ArgumentParser, option: str, help_text: str) -> None:
    """An option that takes files, by default those of the workflow."""
    parser.add_argument(
        option, type=Path, nargs="*", metavar="FILE", help=f"{help_text} (default: those of the results)."
    )


def add_threads(parser: argparse.ArgumentParser, help_text: str) -> None:
    """The option --threads."""
    parser.add_argument("--threads", type=int, default=1, help=f"{help_text} (default: 1).")


def training_experiment(
    config: Path, loaded: "Experiment | None" = None, *, instead: str | None = None
) -> "TrainingExperiment":
    """The experiment of a config, which must train models.

    Parameters
    ----------
    config
        The config file.
    loaded
        The experiment, if the config has been read already.
    instead
        What to do if nothing is trained; by default: run the workflow, which begins with another stage.

    Raises
    ------
    RelscaleError
        It does not train models, or the config is invalid.
    """
    from relscale.experiments.config import load_config
    from relscale.experiments.experiment import TrainingExperiment

    experiment = loaded or load_config(config)
    if not isinstance(experiment, TrainingExperiment):
        raise _has_no(config, experiment, "trained", instead)
    return experiment


def scored_experiment(config: Path) -> "ScoredExperiment":
    """The experiment of a config, which must score models.

    Raises
    ------
    RelscaleError
        It does not score models, or the config is invalid.
    """
    from relscale.experiments.config import load_configs
    from relscale.experiments.experiment import MeasurementExperiment

    experiment = load_configs([config], report=lambda line: print(line, file=sys.stderr))
    if isinstance(experiment, MeasurementExperiment):
        raise _has_no(config, experiment, "scored", None)
    return experiment


def _has_no(config: Path, experiment: "Experiment", stage: str, instead: str | None) -> RelscaleError:
    source = experiment.runs.source
    workflow = f"use `relscale run {config}`, whose first stage is {FIRST.get(source)!r}"
    return RelscaleError(f"{config}: runs.source is {source!r}, so nothing is {stage}; {instead or workflow}")


def entry(section: Mapping[str, T], key: str, name: str) -> tuple[str, T]:
    """An entry of a section by its name or its file name, with its name.

    Raises
    ------
    RelscaleError
        There is no such entry; the message lists the entries.
    """
    from relscale.storage.file_name import named

    value = named(section, name)
    if value not in section:
        raise RelscaleError(f"no {name!r} under {key!r} in the config; {suggestion(name, section)}")
    return value, section[value]


def files(paths: Sequence[Path] | None, default: Iterable[Path]) -> list[Path]:
    """Files of an option, by default those of the results."""
    return list(default) if paths is None else list(paths)


def by_name(
    option: str, names: Iterable[str], values: Sequence[Path] | None, default: Iterable[Path]
) -> dict[str, Path]:
    """Files of an option, one per name and in the order of the names.

    Raises
    ------
    RelscaleError
        There are more or fewer files than names, or a file belongs to another name.
    """
    names, expected = list(names), list(default)
    paths = files(values, expected)
    order = f"in this order: {', '.join(names) or 'none'}"
    if paths and not names:
        raise RelscaleError(f"{option}: the experiment has no such files; leave the option out")
    if len(names) != len(paths):
        raise RelscaleError(f"{option}: {len(paths)} files; give {len(names)}, {order}")
    owner = {path.parts[-2:]: name for name, path in zip(names, expected, strict=True)}
    for name, path in zip(names, paths, strict=True):
        if (other := owner.get(path.parts[-2:], name)) != name:
            raise RelscaleError(
                f"{option}: {path} belongs to {other} but is given for {name}; give the files {order}"
            )
    return dict(zip(names, paths, strict=True))


def suite_files(names: Iterable[str], values: Sequence[Path] | None, results: "Results") -> dict[str, Path]:
    """The manifests of prepared suites of the option --suites, one per name and in the order of the names.

    Raises
    ------
    RelscaleError
        As ``by_name``, or a file is not the ``suite.yaml`` in the folder of a suite.
    """
    from relscale.scoring.manifest import check_manifest_name

    names = list(names)
    suites = by_name("--suites", names, values, map(results.suite, names))
    with keyed("--suites"):
        for path in suites.values():
            check_manifest_name(path)
    return suites
