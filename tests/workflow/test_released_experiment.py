"""Figures from released checkpoints: an experiment is trained once, exported, and made again from the export alone."""

import copy
import shutil

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml

from relscale.storage.tables import read_table

pytestmark = pytest.mark.slow

SUITES = ["knowledge", "domains"]  # one of questions and one of documents
FIGURES = ["isoflop", "frontier", "relative-law"]
TABLES = ["frontier", "errors", "gaps", "fits", "forecasts"]


@pytest.fixture(scope="module")
def again(micro, make_experiment, tmp_path_factory):
    """The small experiment in a folder that has its config and its export, and nothing else of it."""
    experiment = make_experiment(tmp_path_factory.mktemp("again"), copy.deepcopy(micro.config))
    experiment.config["figures"] = FIGURES
    experiment.config["suites"] = {name: micro.config["suites"][name] for name in SUITES}
    # The config of the first run: what lies in its results is that of the last test that asked something of it.
    (micro.folder / "released.yaml").write_text(yaml.safe_dump(micro.config))
    exported = micro.call("relscale", "export", "released.yaml", "--output", "export")
    assert exported.returncode == 0, exported.stderr
    assert "24 models in export" in exported.stdout
    shutil.copytree(micro.folder / "export", experiment.folder / "export")
    shutil.rmtree(micro.folder / "export")
    result = experiment.snakemake("--config", "runs={source: checkpoints, table: export/checkpoints.csv}")
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-8000:]
    return experiment


def results(experiment):
    return experiment.folder / "results" / "micro"


def of_suites(table):
    """The rows of the suites that are scored again, and of the validation loss."""
    return table.filter(pc.field("suite").isin([*SUITES, "validation"]))


def test_nothing_is_trained_and_everything_is_scored(again):
    assert not (results(again) / "runs").exists()
    assert not (results(again) / "tokens").exists()
    assert not list((again.folder / "results" / "store").glob("runs/*"))
    assert len(list((again.folder / "results" / "store" / "items").glob("*.parquet"))) == 24 * len(SUITES)


def test_measurements_are_those_of_the_training(again, micro):
    before, after = (read_table(results(each) / "measurements.parquet") for each in (micro, again))
    assert after.schema == before.schema
    assert after.to_pylist() == of_suites(before).to_pylist()


@pytest.mark.parametrize("table", TABLES)
def test_fits_are_those_of_the_training(again, micro, table):
    before, after = (read_table(results(each) / "fits" / f"{table}.parquet") for each in (micro, again))
    assert after.num_rows
    before = of_suites(before) if "suite" in before.column_names else before
    for name in set(before.column_names) - {"data"}:  # a digest of all suites' measurements
        expected = before[name].to_pylist()
        is_list = pa.types.is_list(before.schema.field(name).type)
        assert after[name].to_pylist() == (expected if is_list else pytest.approx(expected, nan_ok=True)), (
            name
        )


def test_figures_are_those_of_the_training(again, micro):
    drawn = sorted((results(again) / "figures").glob("[!.]*.json"))
    assert {path.stem for path in drawn} == {"isoflop", "frontier", *(f"relative-law-{s}" for s in SUITES)}
    for path in drawn:
        assert path.read_text() == (results(micro) / "figures" / path.name).read_text(), path.name


def test_pushing_is_a_step_of_its_own(again):
    dry_run = again.call(
        "relscale", "push", "experiment.yaml", "--folder", "export", "--organisation", "someone"
    )
    assert dry_run.returncode == 0
    assert "would upload 24 models" in dry_run.stdout
