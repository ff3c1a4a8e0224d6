"""Compute that is no number of FLOPs, or not that of one model, is refused by every door that a table comes in by."""

import numpy as np
import pyarrow as pa
import pytest
from one_sentence import assert_one_sentence

import relscale
from relscale.cli import main
from relscale.compute_columns import SCALES, check_one_unit, check_same_units, of_each
from relscale.errors import RelscaleError
from relscale.measurements.options import Table
from relscale.measurements.published import read_tables
from relscale.scoring.checkpoint_table import read_checkpoints
from relscale.storage.tables import write_table

N = np.tile([1e8, 2e8, 4e8], 4)
D = np.repeat([2e9, 8e9, 3.2e10, 1.28e11], 3)
GROUPS = ("easy", "hard")


def measured(units=(1.0, 1.0, 1.0), half=(1.0, 1.0, 1.0), log=None, names=SCALES):
    """Runs by their compute, parameters and tokens in some units, every other run in units of its own."""
    odd = np.arange(len(N)) % 2 == 1
    scales = [
        cells / u / np.where(odd, h, 1) for cells, u, h in zip((6 * N * D, N, D), units, half, strict=True)
    ]
    if log is not None:
        scales[0] = log(scales[0])
    columns = {name: np.tile(cells, 2) for name, cells in zip(names, scales, strict=True)}
    error = 1.5 + 300 * N**-0.3 + 400 * D**-0.3
    return pa.table(
        {
            "run": [f"r{i}" for i in range(len(N))] * 2,
            **columns,
            "group": np.repeat(GROUPS, len(N)),
            "value": np.concatenate([error, 1.2 * error]),
        }
    )


def by_config(table, path, columns=None):
    write_table(table, path)
    constants = {"metric": "nats"}
    return read_tables([Table(path=str(path), constants=constants, columns=columns or {})], "mine")


def by_fit(table, path, columns=None):
    flops = (columns or {}).get("training_flops", "training_flops")
    return relscale.fit(table, "irreducible", x=flops, y="value", group="group", run="run", bootstrap=20)


def by_checkpoints(table, path, columns=None):
    samples = []
    for run in table["run"].to_pylist()[: len(N)]:
        (path.parent / run).mkdir(exist_ok=True)
        samples.append(run)
    half = table.slice(0, len(N)).drop_columns(["group", "value"])
    half = half.append_column("samples", pa.array(samples)).append_column(
        "corpus", pa.array(["web"] * len(N))
    )
    write_table(half, path)
    return read_checkpoints(path)


DOORS = {"config": by_config, "fit": by_fit, "checkpoints": by_checkpoints}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("log", [np.log, np.log2, np.log10])
def test_logarithms_of_compute_are_refused(door, log, tmp_path):
    with pytest.raises(RelscaleError, match="as logarithms of FLOPs are") as error:
        DOORS[door](measured(log=log), tmp_path / "runs.csv")
    assert_one_sentence(error.value)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("half", [(1e18, 1, 1), (1e15, 1, 1), (1, 1e6, 1), (1, 1, 1e9), (1, 1e6, 1e9)])
def test_rows_in_other_units_are_refused(door, half, tmp_path):
    with pytest.raises(RelscaleError, match="write all rows in the same units") as error:
        DOORS[door](measured(half=half), tmp_path / "runs.parquet")
    assert_one_sentence(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS)
def test_rows_in_the_units_of_the_table_are_read(door, tmp_path):
    DOORS[door](measured(), tmp_path / "runs.csv")


@pytest.mark.slow
@pytest.mark.parametrize("door", ["config", "fit"])
@pytest.mark.parametrize("units", [(1e18, 1, 1), (1, 1e6, 1e9), (1e18, 1e6, 1e9)])
def test_a_table_may_have_units_of_its_own(door, units, tmp_path):
    names = ("exaflops" if units[0] > 1 else "training_flops", "params", "tokens")
    table = measured(units, names=names)
    DOORS[door](table, tmp_path / "runs.csv", {"training_flops": names[0]})


def test_corpora_may_differ_in_units(tmp_path):
    tables = []
    for corpus, units in (("web", (1, 1, 1)), ("books", (1, 1e6, 1e9))):
        path = tmp_path / f"{corpus}.csv"
        write_table(measured(units), path)
        tables.append(Table(path=str(path), constants={"metric": "nats", "corpus": corpus}))
    assert len(read_tables(tables, "mine")) == 4 * len(N)
    same = [
        table.model_copy(update={"constants": {"metric": "nats", "suite": str(i)}})
        for i, table in enumerate(tables)
    ]
    with pytest.raises(RelscaleError, match="write all rows in the same units"):
        read_tables(same, "mine")


@pytest.mark.parametrize("factor", [1, 9, 32, 200])
@pytest.mark.parametrize("same_budget", [True, False])
def test_compute_per_parameter_and_token_may_vary_as_experts_and_embeddings_do(factor, same_budget):
    """Parameters are all those of models of which some are active, or those without embeddings."""
    tokens = 1e19 / (6 * N) if same_budget else D
    check_same_units((6 * N * tokens, N * np.geomspace(1, factor, len(N)), tokens), "runs.csv")


def test_one_compute_calculated_in_two_ways_is_one():
    flops = np.array([6 * 3.3e8 * 1.1, 6 * 1.1 * 3.3e8, np.nextafter(6 * 3.3e8 * 1.1, 1e10)])
    assert of_each(flops, np.zeros(3, dtype=int), ["m"], "flops") == pytest.approx(flops[:1])


def test_parameters_in_billions_are_not_rounded(tmp_path):
    with pytest.raises(RelscaleError, match="in units of one and not of billions"):
        by_checkpoints(measured((1, 3e8, 1)), tmp_path / "models.csv")


@pytest.mark.parametrize("command", ["ability", "ask"])
def test_a_model_of_two_computes_is_refused_and_a_logarithm_too(command, tmp_path, capsys):
    rng = np.random.default_rng(0)
    model, item = (axis.ravel() for axis in np.meshgrid(np.arange(4), np.arange(8), indexing="ij"))
    flops = 10.0 ** (18 + model)
    for name, cells, said in (
        (
            "twice",
            np.where((model == 1) & (item > 3), 3e19, flops),
            "model '1' has several values of 'flops', 1e+19 and 3e+19",
        ),
        ("logs", 18.0 + model, "as logarithms of FLOPs are"),
        ("right", flops, ""),
    ):
        path = tmp_path / f"{name}.csv"
        write_table(
            pa.table({"model": model, "item": item, "flops": cells, "s": rng.integers(0, 2, 32)}), path
        )
        asked = [str(path), "--model", "model", "--item", "item"]
        asked += ["--score", "s"] if command == "ability" else ["--metrics", "s"]
        asked = [command, *(["metric_chain"] if command == "ask" else []), *asked, "--compute", "flops"]
        assert main(asked) == (1 if said else 0)
        assert said in capsys.readouterr().err


def surface(units=(1.0, 1.0), half=(1.0, 1.0)):
    """Runs by parameters and tokens alone, every other one in units of its own."""
    table = measured((1.0, *units), (1.0, *half)).slice(0, len(N))
    return table.select(["params", "tokens", "value"]).append_column(
        "split", pa.array(["test"] * 2 + ["train"] * (len(N) - 2))
    )


def fit_surface(path):
    return relscale.fit(path, "parametric", x=("params", "tokens"), y="value", bootstrap=0)


def extrapolate_surface(path):
    return relscale.extrapolate(
        path,
        y="value",
        x={"params": "params", "tokens": "tokens"},
        train='split == "train"',
        laws=["parametric"],
    )


@pytest.mark.parametrize("half", [(1.0, 1e9), (1e6, 1.0), (1e9, 1e9)])
@pytest.mark.parametrize("door", [fit_surface, extrapolate_surface])
def test_parameters_or_tokens_alone_in_two_units_are_refused(door, half, tmp_path):
    path = str(tmp_path / "runs.csv")
    write_table(surface(half=half), path)
    with pytest.raises(RelscaleError, match="write all rows in the same unit"):
        door(path)


def test_a_question_refuses_tokens_in_two_units(tmp_path, capsys):
    path = str(tmp_path / "runs.csv")
    write_table(surface(half=(1.0, 1e9)), path)
    asked = ["--law", "parametric", "--x", "params,tokens", "--y", "value", "--at", "training_flops=1e20"]
    assert main(["ask", "optimum", path, *asked]) == 1
    assert "column 'tokens' has values from 2 to" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("units", [(1.0, 1.0), (1e9, 1.0), (1e6, 1e9)])
def test_a_table_of_parameters_and_tokens_may_have_units_of_its_own(units, tmp_path):
    path = str(tmp_path / "runs.csv")
    write_table(surface(units), path)
    assert fit_surface(path)


@pytest.mark.parametrize(
    "counts",
    [
        [1e3, 1e5, 1e6, 1e9],
        [1e4, 1e6],
        [0.1, 500.0],
        [2e5, 3e12],
        [0.0, 1e9],
        [1e3, 3e4, 1e5, 6e7, 1e9],
        [64e3, 1.2e8, 7e8],
    ],
)
def test_counts_that_may_be_of_one_unit_are_read(counts):
    check_one_unit("tokens", np.array(counts))


def test_a_tiny_model_beside_large_ones_is_read_in_millions_as_the_error_says():
    counts = np.array([2e3, 5e3, 6e7, 1e9])
    with pytest.raises(RelscaleError, match="or all in millions if they are"):
        check_one_unit("params", counts)
    check_one_unit("params", counts / 1e6)
