"""One law on one table, from Python and from the shell."""

import gzip
import json
import pickle
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from one_sentence import assert_one_sentence
from row_cells import cells

import relscale
from relscale.cli import main
from relscale.errors import RelscaleError
from relscale.fitting.fits import ROWS, empty
from relscale.storage.tables import read_table, write_table
from relscale.table_fit.known_columns import shares_and_percentages
from relscale.table_fit.row_filter import filter_rows

OLMO = Path(__file__).parents[1] / "reference" / "olmo_ladder_mmlu.csv"
FLOPS = np.geomspace(1e18, 1e21, 8)
SLOPES = {"easy": 0.09, "hard": 0.05}  # of errors that are 1 and 2 at 1e20 FLOPs
COLUMN_NAMES = ("compute", "test", "loss")
COLUMNS = {"group": "test", "baseline": "hard", "x": "compute", "y": "loss"}


def table(noise=0.01, **more):
    """A table of two groups on exact power laws but for noise; the gap between them, 0.5 at 1e20, widens."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "compute": flops,
            "test": group,
            "loss": level * (flops / 1e20) ** -slope * np.exp(rng.normal(0, noise)),
        }
        for flops in FLOPS
        for (group, slope), level in zip(SLOPES.items(), (1.0, 2.0), strict=True)
    ]
    return pa.Table.from_pylist([row | more for row in rows])


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_table(table(), tmp_path / "numbers.csv")
    return tmp_path / "numbers.csv"


def number(fits, parameter, **where):
    rows = [row for row in fits.to_pylist() if row["parameter"] == parameter and row["fit"] is None]
    rows = [row for row in rows if all(row[name] == value for name, value in where.items())]
    assert len(rows) == 1
    return rows[0]


def test_a_relative_law_is_beta_of_the_baseline_less_that_of_the_group():
    fits = relscale.fit(table(noise=0), law="relative", **COLUMNS).fits
    assert number(fits, "delta_beta")["value"] == pytest.approx(0.05 - 0.09, abs=1e-9)
    assert number(fits, "delta_beta")["interval_direction"] == "widens"
    ratio = number(fits, "ratio_at_reference")
    assert ratio["value"] == pytest.approx(0.5 * (ratio["reference_flops"] / 1e20) ** -0.04)
    assert {
        row["group"]: row["value"] for row in fits.to_pylist() if row["parameter"] == "beta"
    } == pytest.approx(SLOPES)


@pytest.mark.slow
def test_other_frames_that_speak_arrow_are_tables_too():
    class Frame:
        def __arrow_c_stream__(self, requested_schema=None):
            return table().__arrow_c_stream__(requested_schema)

    assert relscale.fit(Frame(), **COLUMNS).fits.equals(relscale.fit(table(), **COLUMNS).fits)


@pytest.mark.slow
def test_its_slope_is_that_of_a_straight_line_through_log_ratios():
    data = table().to_pylist()
    loss = {group: np.log([row["loss"] for row in data if row["test"] == group]) for group in SLOPES}
    slope = np.polyfit(np.log(FLOPS), loss["easy"] - loss["hard"], 1)[0]
    assert number(relscale.fit(table(), **COLUMNS).fits, "delta_beta")["value"] == pytest.approx(slope)


@pytest.mark.slow
def test_paths_arrow_tables_and_frames_are_all_tables(path):
    pandas = pytest.importorskip("pandas")
    results = [relscale.fit(t, **COLUMNS) for t in (path, str(path), table(), pandas.read_csv(path))]
    assert len({number(result.fits, "delta_beta")["value"] for result in results}) == 1


@pytest.mark.slow
def test_text_tables_of_every_kind_are_read_packed_or_not(tmp_path):
    rows = table().to_pylist()
    lines = {
        "csv": [",".join(COLUMN_NAMES), *(",".join(map(str, row.values())) for row in rows)],
        "tsv": ["\t".join(COLUMN_NAMES), *("\t".join(map(str, row.values())) for row in rows)],
        "jsonl": [json.dumps(row) for row in rows],
    }
    expected = relscale.fit(table(), **COLUMNS).fits["value"]
    for ending, text in lines.items():
        content = "\n".join(text).encode()
        for name, data in ((f"t.{ending}", content), (f"t.{ending}.gz", gzip.compress(content))):
            (tmp_path / name).write_bytes(data)
            result = relscale.fit(tmp_path / name, **COLUMNS)
            assert result.fits["value"].equals(expected)
            assert set(result.measurements["suite"].to_pylist()) == {"t"}


@pytest.mark.slow
def test_the_order_of_rows_does_not_matter():
    shuffled = table().take(np.random.default_rng(1).permutation(2 * len(FLOPS)))
    assert relscale.fit(shuffled, **COLUMNS).fits.equals(relscale.fit(table(), **COLUMNS).fits)


@pytest.mark.slow
def test_printing_it_says_what_was_found():
    said = str(relscale.fit(table(noise=0), **COLUMNS))
    title, _, verdicts, easiest, _, heading, _, easy, *_ = said.splitlines()
    assert title == (
        "relative law of loss over compute, 8 runs from 1e+18 to 1e+21, against hard; "
        f"E and G at compute = {np.exp(np.log(FLOPS).mean()):.4g}"
    )
    assert "FLOPs" not in said
    assert verdicts == "0 gaps close, 1 widens, 0 cross, 0 are flat, 0 are not resolved (FDR 5%)"
    assert easiest.strip().startswith("easy widens: 0.60 → 0.46 × hard, −8.8%")
    assert {"group", "β", "E", "against", "G", "Δβ", "verdict"} <= set(heading.split())
    assert easy.split()[0] == "easy"
    assert "-0.0400" in easy
    assert "widens" in easy


def test_a_power_law_asks_for_no_baseline():
    result = relscale.fit(table(noise=0), law="power", group="test", x="compute", y="loss")
    assert {row["parameter"] for row in cells(result.fits)} >= {"beta", "error_at_reference"}
    assert result.fits["baseline"].null_count == result.fits.num_rows


@pytest.mark.slow
def test_corpora_are_fitted_apart():
    both = pa.concat_tables([table(noise=0, corpus=name) for name in ("text", "code")])
    fits = relscale.fit(both, corpus="corpus", **COLUMNS).fits
    for name in ("text", "code"):
        assert number(fits, "delta_beta", corpus=name)["value"] == pytest.approx(-0.04)


def test_seeds_are_distinguished_by_the_columns_that_run_names():
    seeds = pa.concat_tables([table(seed=seed) for seed in (0, 1)])
    with pytest.raises(
        RelscaleError, match=r"2 rows of group 'easy' with compute = 1e\+18.*--run model,seed"
    ):
        relscale.fit(seeds, **COLUMNS)
    fits = relscale.fit(seeds, run=["compute", "seed"], **COLUMNS).fits
    assert number(fits, "delta_beta")["n"] == 2 * len(FLOPS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": "bpb"}, "no column 'bpb'; it has compute, test, loss, y"),
        ({"y": "test"}, "column 'test' is not numeric"),
        ({"baseline": "simple"}, "no 'simple' in column 'test'; there are easy, hard"),
        ({"group": "y", "baseline": "one"}, "column 'y' has no group other than the baseline 'one'"),
        ({"law": "relatif"}, r"no law 'relatif'; did you mean 'relative'\?"),
        ({"x": ["compute", "loss"]}, "the law 'relative' has the predictors training_flops, but 2"),
        (
            {"law": "parametric", "baseline": None},
            "the law 'parametric' has the predictors params, tokens, but 1",
        ),
        ({"law": "power"}, "baseline: the law 'power' compares no groups"),
        ({"loss": "squared"}, r"loss: no 'squared'; did you mean 'squares'\?"),
        ({"delta": 0.1}, "delta: 0.1; it must be a positive number, and applies only to the loss 'huber'"),
        ({"level": 95}, "level: 95 is not between 0 and 1"),
        ({"seed": -1}, "seed: -1 is not a whole number"),
        ({"bootstrap": 1.5}, "fit: bootstrap is a whole number, not 1.5"),
    ],
)
def test_what_cannot_be_fitted_is_reported_in_one_line(change, message):
    with pytest.raises(RelscaleError, match=message) as error:
        relscale.fit(table(y="one"), **COLUMNS | change)
    assert "\n" not in str(error.value)


def test_a_hole_in_the_groups_is_an_error_and_a_hole_in_the_numbers_is_not():
    rows = table().to_pylist()
    with pytest.raises(RelscaleError, match="column 'test' is empty in 1 row"):
        relscale.fit(pa.Table.from_pylist([rows[0] | {"test": None}, *rows[1:]]), **COLUMNS)
    with pytest.raises(RelscaleError, match="column 'test' is empty in 1 row;"):
        relscale.fit(pa.Table.from_pylist([rows[0] | {"test": ""}, *rows[1:]]), **COLUMNS)
    fits = relscale.fit(pa.Table.from_pylist([rows[0] | {"loss": None}, *rows[1:]]), **COLUMNS).fits
    assert number(fits, "delta_beta")["n"] == len(FLOPS) - 1


@pytest.mark.slow
def test_a_status_names_a_few_of_the_points_left_out_and_counts_the_others():
    many = [
        {"compute": 1e18 * 1.01**i, "test": g, "loss": None if i > 9 else 2.0 + 0.01 * i}
        for i in range(200)
        for g in SLOPES
    ]
    row = number(relscale.fit(pa.Table.from_pylist(many), **COLUMNS).fits, "delta_beta")
    assert row["note"].startswith("fitted on 10 of 200 points (")
    assert row["note"].endswith("; and 186 more)")


def test_a_cell_that_is_not_a_number_and_a_name_that_stands_twice_are_one_line():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(table().to_pydict()).astype({"loss": object})
    frame.loc[0, "loss"] = "n/a"
    fits = relscale.fit(frame, **COLUMNS)
    assert number(fits.fits, "delta_beta")["n"] == len(FLOPS) - 1
    assert "no number: loss is missing in row 1" in str(fits)
    frame.loc[0, "loss"] = "diverged"
    with pytest.raises(RelscaleError, match="column 'loss' is not numeric: row 1 is 'diverged'"):
        relscale.fit(frame, **COLUMNS)
    twice = table().rename_columns(["compute", "test", "compute"])
    with pytest.raises(RelscaleError, match="'compute' is the name of several columns"):
        relscale.fit(twice, **COLUMNS)


def surface(unit):
    """Losses of L(N, D) at 25 pairs of parameters and tokens, counted in ``unit``."""
    params, tokens = (a.ravel() for a in np.meshgrid(np.geomspace(3e7, 3e9, 5), np.geomspace(1e9, 1e11, 5)))
    loss = 1.8 + 400 * params**-0.34 + 2000 * tokens**-0.37
    loss *= np.exp(np.random.default_rng(0).normal(0, 0.01, 25))
    return pa.table({"params": params / unit, "tokens": tokens / unit, "loss": loss})


def test_the_unit_of_parameters_and_tokens_changes_no_exponent():
    of = {"law": "parametric", "x": ["params", "tokens"], "y": "loss"}
    one, other = (
        {row["parameter"]: row for row in relscale.fit(surface(unit), **of).fits.to_pylist()}
        for unit in (1, 1e9)
    )
    for name in ("E", "alpha", "beta"):
        for column in ("value", "low", "high"):
            assert other[name][column] == pytest.approx(one[name][column], rel=1e-3)


def test_a_power_law_with_another_loss_is_hardly_moved_by_an_outlier():
    rows = table(noise=0).to_pylist()
    rows[0]["loss"] *= 3
    of = {"law": "power", "group": "test", "x": "compute", "y": "loss"}
    beta = {}
    for loss in ("squares", "huber"):
        fits = relscale.fit(pa.Table.from_pylist(rows), **of, loss=loss).fits.to_pylist()
        (beta[loss],) = (r["value"] for r in fits if (r["parameter"], r["group"]) == ("beta", "easy"))
    assert beta["huber"] == pytest.approx(SLOPES["easy"], abs=1e-3)
    assert abs(beta["squares"] - SLOPES["easy"]) > 0.01


def test_importing_the_package_loads_nothing_heavy():
    code = "import relscale, sys; sys.exit('numpy' in sys.modules or 'pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert "fit" in dir(relscale)


ARGUMENTS = ("--law", "relative", "--group", "test", "--baseline", "hard", "--x", "compute", "--y", "loss")


@pytest.mark.slow
def test_the_shell_prints_the_same_and_writes_a_table_beside_it(path, capsys):
    assert main(["fit", str(path), *ARGUMENTS]) == 0
    said = capsys.readouterr().out
    assert said.startswith(str(relscale.fit(path, **COLUMNS)))
    assert said.splitlines()[-1] == f"written: {path.with_name('numbers.fits.parquet')}"
    assert read_table(path.with_name("numbers.fits.parquet")).schema.equals(empty("fits").schema)
    assert sorted(file.name for file in path.parent.iterdir()) == ["numbers.csv", "numbers.fits.parquet"]


@pytest.mark.slow
def test_output_may_be_a_folder_for_all_tables(path):
    assert main(["fit", str(path), *ARGUMENTS, "--output", "out"]) == 0
    assert {file.stem for file in Path("out").iterdir()} == set(ROWS)


@pytest.mark.slow
def test_a_folder_that_holds_anything_else_is_left_alone(path, capsys):
    for folder in (".", str(path.parent)):
        assert main(["fit", str(path), *ARGUMENTS, "--output", folder]) == 1
        assert "numbers.csv, which is not a table of a fit" in capsys.readouterr().err
    assert path.is_file()
    for _ in range(2):  # what an earlier fit wrote is replaced
        assert main(["fit", str(path), *ARGUMENTS, "--output", "out"]) == 0


def test_the_table_itself_is_never_overwritten(path, capsys):
    before = path.read_bytes()
    assert main(["fit", str(path), *ARGUMENTS, "--output", str(path)]) == 1
    assert "is the table itself" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--where", "compute>many"), "'many' is not a number"),
        (("--where", "speed=3"), "where: no column 'speed'"),
        (("--at", "soon"), "--at: 'soon' is neither compute"),
        ((*ARGUMENTS, "--level", "2"), "level"),
        ((*ARGUMENTS, "--config", "experiment.yaml"), "--config is for measurements"),
        ((*ARGUMENTS, "--fix", "delta_beta"), "--fix: 'delta_beta' is not a parameter with its value"),
        ((*ARGUMENTS, "--fix", "beta=0"), "fixed: law relative has no parameter 'beta'"),
    ],
)
def test_a_wrong_option_is_one_line(path, capsys, arguments, message):
    assert main(["fit", str(path), *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_the_shell_holds_a_parameter_that_it_is_given(path):
    assert main(["fit", str(path), *ARGUMENTS, "--fix", "delta_beta=0.05", "--output", "held.csv"]) == 0
    rows = read_table(Path("held.csv")).to_pylist()
    assert {row["value"] for row in rows if row["parameter"] == "delta_beta"} == {0.05}
    held = relscale.fit(path, fixed={"delta_beta": 0.05}, **COLUMNS).fits.to_pylist()
    assert [row["value"] for row in rows] == pytest.approx([row["value"] for row in held])


def test_a_target_may_be_negative_where_the_residual_is_linear():
    loss = np.linspace(2, 3, 12)
    margins = pa.table({"loss": loss, "margin": 1.5 - 0.8 * loss, "model": [f"m{i}" for i in range(12)]})
    of = {"law": "flp", "x": "loss", "y": "margin", "run": "model", "residual": "linear"}
    found = {row["parameter"]: row["value"] for row in relscale.fit(margins, **of).fits.to_pylist()}
    assert found["intercept"] == pytest.approx(1.5)
    assert found["slope"] == pytest.approx(-0.8)


@pytest.mark.slow
def test_groups_that_differ_in_case_are_two_and_remarked_on() -> None:
    rows = table().to_pylist()
    halves = [row | {"test": row["test"].title() if n % 4 < 2 else row["test"]} for n, row in enumerate(rows)]
    found = relscale.fit(pa.Table.from_pylist(halves), "power", **COLUMNS | {"baseline": None}, bootstrap=20)
    assert set(found.fits["group"].to_pylist()) == {"easy", "Easy", "hard", "Hard"}
    (note,) = found.notes
    assert note == "column 'test': 'Easy' and 'easy' are two names; if one is meant, write it in one way"
    assert note in str(found)
    assert not relscale.fit(table(), "power", **COLUMNS | {"baseline": None}, bootstrap=20).notes


def with_a_floor(x, a=1.0, b=0.1, c=0.5):
    """A law of a user's own."""
    return c + a * x**-b


@pytest.mark.slow
@pytest.mark.parametrize("law", ["relative", "irreducible", with_a_floor])
def test_a_fit_can_be_sent_to_another_process(path, law):
    columns = {**COLUMNS, "baseline": COLUMNS["baseline"] if law == "relative" else None}
    found = relscale.fit(str(path), law, bootstrap=20, **columns)
    sent = pickle.loads(pickle.dumps(found))
    assert str(sent) == str(found)
    assert sent.plot("curves").to_json() == found.plot("curves").to_json()
    if law == "irreducible":
        assert str(sent.predict(1e22)) == str(found.predict(1e22))


def test_the_figure_is_drawn_beside_it(path):
    assert main(["fit", str(path), *ARGUMENTS, "--plot", "figure.html"]) == 0
    drawn = Path("figure.json").read_text()
    assert "easy" in drawn
    assert "compute" in drawn
    assert "FLOPs" not in drawn
    assert Path("figure.html").stat().st_size > 10_000


@pytest.mark.slow
def test_scale_widens_mmlus_gaps_to_stem_on_the_olmo_ladder():
    result = relscale.fit(OLMO, group="subgroup", baseline="stem", x="training_flops", y="bpb")
    for group in ("humanities", "other", "social_sciences"):
        row = number(result.fits, "delta_beta", group=group)
        assert row["n"] == 25
        assert row["low"] < row["value"] < row["high"] < 0
        assert row["interval_direction"] == "widens"


def curve(noise=0.0, every=1):
    """A training curve that obeys the annealing law, S2 by its definition, a double sum; warm-up, constant, decay."""
    steps = np.arange(1, 401)
    rate = 0.01 * np.minimum(np.minimum(steps / 40, 1), (401 - steps) / 80)
    after = np.maximum(rate, 0.01 * (steps < 40))  # warm-up counts as if at the peak
    falls = -np.diff(after, prepend=after[0])
    s2 = [sum(falls[k] * 0.999 ** (i - k) for k in range(i + 1)) for i in range(400)]
    loss = 2.5 + 0.8 * np.cumsum(after) ** -0.5 - 0.4 * np.cumsum(s2)
    loss = loss * np.exp(np.random.default_rng(0).normal(0, noise, 400))
    kept = steps % every == 0
    return pa.table({"step": steps[kept], "learning_rate": rate[kept], "loss": loss[kept]})


ANNEALING = {"law": "annealing", "x": ["step", "learning_rate"], "y": "loss", "residual": "linear"}


@pytest.mark.parametrize(("every", "precision"), [(1, 1e-4), (10, 2e-3)])
def test_a_training_curve_gives_the_annealing_law_that_made_it(every, precision):
    fits = {row["parameter"]: row for row in relscale.fit(curve(every=every), **ANNEALING).fits.to_pylist()}
    for name, truth in {"L0": 2.5, "A": 0.8, "C": 0.4, "alpha": 0.5}.items():
        assert fits[name]["value"] == pytest.approx(truth, rel=precision)


@pytest.mark.parametrize("draws", [0, 100])
def test_the_steps_of_one_training_are_not_independent_and_give_no_intervals(draws):
    fits = relscale.fit(curve(noise=0.01), **ANNEALING, bootstrap=draws).fits.to_pylist()
    for row in fits:
        assert row["value"] is not None
        assert row["low"] is None
        assert "checkpoints of one training run are not independent" in row["note"]


def test_steps_out_of_order_and_a_column_run_change_nothing():
    known = relscale.fit(curve(), **ANNEALING).fits["value"].to_pylist()
    shuffled = curve().take(np.random.default_rng(1).permutation(400))
    shuffled = shuffled.append_column("run", pa.array(["one"] * 400))
    assert relscale.fit(shuffled, **ANNEALING).fits["value"].to_pylist() == pytest.approx(known, rel=1e-6)


@pytest.mark.slow
def test_the_report_of_a_table_has_the_finding_first_and_is_of_gaps_alone(tmp_path):
    relscale.fit(table(), **COLUMNS).report(tmp_path / "gap.html")
    page = (tmp_path / "gap.html").read_text()
    assert "<h1>0 gaps close, 1 widens" in page
    power = relscale.fit(table(), law="power", group="test", x="compute", y="loss")
    with pytest.raises(RelscaleError, match="compares no groups"):
        power.report(tmp_path / "power.html")


@pytest.mark.slow
def test_the_curve_of_a_ratio_runs_through_the_measured_ratios() -> None:
    figure = relscale.fit(relscale.datasets.olmo_ladder()).plot("curves")
    for group in ("humanities", "other", "social_sciences"):
        traces = {trace.mode: trace for trace in figure.data if trace.name == group and trace.x[0]}
        line, points = traces["lines"], traces["markers"]
        fitted = np.interp(np.log(points.x), np.log(line.x), np.log(line.y))
        assert np.log(points.y) == pytest.approx(fitted, abs=0.08)


@pytest.mark.slow
def test_a_point_that_is_known_without_a_measurement_is_fitted_as_a_row_would_be() -> None:
    loss = np.linspace(0.6, 1.4, 12)
    accuracy = 0.25 + 0.7 / (1 + np.exp(8 * (loss - 0.9))) + 0.01 * np.sin(40 * loss)
    rows = [{"loss": float(x), "accuracy": float(y)} for x, y in zip(loss, accuracy, strict=True)]
    asked = {"law": "sigmoid", "x": "loss", "y": "accuracy", "residual": "linear"}
    anchored = relscale.fit(pa.Table.from_pylist(rows), **asked, anchor=[(0, 1)])
    with_the_row = relscale.fit(pa.Table.from_pylist([*rows, {"loss": 0.0, "accuracy": 1.0}]), **asked)
    without = relscale.fit(pa.Table.from_pylist(rows), **asked)
    assert anchored.params["value"] == pytest.approx(with_the_row.params["value"], rel=1e-6)
    assert anchored.params["value"] != pytest.approx(without.params["value"], rel=1e-2)
    assert "anchor: loss = 0, accuracy = 1" in str(anchored)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"law": "power", "anchor": [(1e20,)]}, "1e+20 is not a point of compute, loss: 2 numbers"),
        ({"law": "power", "anchor": [(0, 1)]}, "compute is 0, but the law takes its logarithm"),
        ({"law": "log_law", "anchor": [(0, 1)]}, "compute is 0, but the law takes its logarithm"),
        ({"law": "power", "anchor": [(1e20, 0)]}, "loss is 0, which has no logarithm"),
        ({"law": "power", "anchor": [(1e20, float("nan"))]}, "loss is nan, which is not a number"),
    ],
)
def test_a_given_point_that_is_none_is_one_sentence(asked, said) -> None:
    with pytest.raises(RelscaleError, match=re.escape(f"anchor: {said}")):
        relscale.fit(table(), x="compute", y="loss", group="test", **asked)


def wide(**columns: list[Any]) -> pa.Table:
    """Compute, and a column of errors for each of two groups."""
    known = {"flops": [1e18, 1e19, 1e20, 1e21], "easy": [2.0, 1.7, 1.5, 1.25], "hard": [3.0, 2.8, 2.5, 2.25]}
    return pa.table(known | columns)


@pytest.mark.slow
@pytest.mark.parametrize(
    "column",
    [
        ["3.0", "2.8", "2.5", "2.25"],
        ["3,0", "2,8", "2,5", "2,25"],
        [Decimal("3"), Decimal("2.8"), Decimal("2.5"), Decimal("2.25")],
    ],
)
def test_a_column_of_a_wide_table_is_read_as_that_of_a_long_one(column) -> None:
    options = {"y": ["easy", "hard"], "baseline": "hard", "bootstrap": 10}
    slopes = [relscale.fit(table, **options).table()["delta_beta"] for table in (wide(), wide(hard=column))]
    assert slopes[0] == pytest.approx(slopes[1])


def test_a_wide_table_with_an_empty_cell_or_a_taken_name_is_no_crash() -> None:
    (row,) = relscale.fit(wide(hard=["3.0", "", "2.5", "2.25"]), y=["easy", "hard"], baseline="hard").table()
    assert (row["n"], row["status"]) == (3, "missing points")
    with pytest.raises(RelscaleError, match="there is another 'column'; rename it"):
        relscale.fit(wide(column=["x", "y", "z", "x"]), y=["easy", "hard"], baseline="hard", run="column")


@pytest.mark.slow
def test_a_column_of_a_wide_table_that_nothing_uses_may_have_any_name() -> None:
    named = wide(column=["x", "y", "z", "x"], error=[1.0, 2.0, 3.0, 4.0])
    options = {"y": ["easy", "hard"], "baseline": "hard", "bootstrap": 10}
    found, expected = (relscale.fit(table, **options).table() for table in (named, wide()))
    assert list(found) == list(expected)


def test_a_wide_table_of_accuracies_is_said_to_be_one() -> None:
    accuracies = wide().rename_columns(["flops", "easy_acc", "hard_acc"])
    assert (
        "of an accuracy, fit 1 − accuracy" in relscale.fit(accuracies, y=["easy_acc", "hard_acc"]).summary()
    )


@pytest.mark.parametrize("law", ["relative", "power", "irreducible"])
@pytest.mark.parametrize("log", [np.log, np.log2, np.log10])
def test_logarithms_of_compute_are_not_taken_for_compute(law, log) -> None:
    table = wide(flops=log([1e18, 1e19, 1e20, 1e21]).tolist())
    with pytest.raises(RelscaleError, match="as logarithms of FLOPs are") as error:
        relscale.fit(table, law, y=["easy", "hard"], baseline="hard" if law == "relative" else None)
    assert_one_sentence(error.value)


@pytest.mark.parametrize("column", ["exaflops", "compute_pf_days", "train_gflops", "gpu_hours"])
def test_compute_in_a_unit_of_its_own_may_be_small(column) -> None:
    table = wide(flops=[12.0, 18.0, 24.0, 30.0]).rename_columns({"flops": column})
    assert len(relscale.fit(table, x=column, y=["easy", "hard"], baseline="hard").table()) == 1


@pytest.mark.parametrize("x", [[12.0, 18.0, 24.0, 30.0], [1.0, 10.0, 100.0, 1000.0]])
def test_another_measure_of_scale_may_be_small(x) -> None:
    table = wide(layers=x)
    assert len(relscale.fit(table, x="layers", y=["easy", "hard"], baseline="hard").table()) == 1


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("name=7", ["7"]),
        ("name=007", ["007"]),
        ("name=7.0", ["7"]),
        ("name=1000", ["1e3"]),
        ("name!=7", ["007", "1e3", "x"]),
        ("name= x , 1e3", ["1e3", "x"]),
    ],
)
def test_digits_after_a_zero_are_a_name(condition, kept) -> None:
    table = pa.table({"name": ["007", "7", "1e3", "x"]})
    assert filter_rows(table, [condition], "table").rows["name"].to_pylist() == kept


def test_numbers_in_a_column_of_text_are_equal_in_any_notation() -> None:
    table = pa.table({"rate": ["1e-3", "0.001", "0.01", "n/a"]})
    assert filter_rows(table, ["rate=0.001"], "table").rows["rate"].to_pylist() == ["1e-3", "0.001"]
    assert filter_rows(table, ["rate!=0.001"], "table").rows["rate"].to_pylist() == ["0.01", "n/a"]


@pytest.mark.parametrize("column", [[7, 1000], [7.0, 1000.0], [Decimal("7.00"), Decimal("1000.00")]])
def test_a_condition_on_numbers_takes_any_spelling(column) -> None:
    table = pa.table({"size": column})
    for condition in ("size=1e3", "size=1000", "size=1000.0", "size!=7"):
        assert filter_rows(table, [condition], "table").rows["size"].to_pylist() == column[1:]


def test_a_fit_of_selected_rows_says_which_and_how_many() -> None:
    compute = [1e18, 1e19, 1e20, 1e21]
    table = pa.table(
        {"training_flops": compute * 2, "loss": [3.0, 2.5, 2.1, 1.8] * 2, "seed": [0] * 4 + [1] * 4}
    )
    assert "4 of 8 rows meet seed=1" in str(relscale.fit(table, where="seed=1"))
    with pytest.raises(RelscaleError, match=r"2 of 8 rows meet seed=1 and training_flops>=1e20"):
        relscale.fit(table, where=["seed=1", "training_flops>=1e20"])


def test_a_target_in_other_units_than_the_table_s_is_refused_by_the_fit_itself() -> None:
    params = np.geomspace(1e7, 1e9, 6)
    compute = 120 * params**2
    columns = {"training_flops": compute, "params": params, "tokens": 20 * params}
    table = {name: np.tile(values, 2) for name, values in columns.items()}
    table |= {
        "group": ["a"] * 6 + ["b"] * 6,
        "loss": np.concatenate([3 * (compute / 1e18) ** -0.05, 4 * (compute / 1e18) ** -0.07]),
    }
    names = {"baseline": "a", "params": "params", "tokens": "tokens"}
    target = {"training_flops": 1e23, "params": 7e9, "tokens": 2.4e12}
    in_billions = target | {"params": 7.0, "tokens": 2400.0}
    assert relscale.fit(pa.table(table), at=target, **names).results.forecasts.num_rows
    with pytest.raises(RelscaleError, match="give the target in the units of the table"):
        relscale.fit(pa.table(table), at=in_billions, **names)


@pytest.mark.parametrize(("unit", "is_noted"), [(1.0, False), (100.0, True)])
def test_a_group_in_percent_beside_one_in_shares_is_noted(unit: float, is_noted: bool) -> None:
    """Every ratio of the two is wrong by the factor 100, and none of them crosses 1."""
    compute = np.array([1e18, 1e19, 1e20, 1e21])
    error = 0.4 * (compute / 1e18) ** -0.05
    table = {
        "training_flops": np.tile(compute, 2),
        "group": ["a"] * 4 + ["b"] * 4,
        "error": np.concatenate([error, unit * 0.9 * error]),
    }
    fit = relscale.fit(pa.table(table), baseline="a")
    assert ("if these are percentages, write all in one unit" in str(fit)) is is_noted


@pytest.mark.parametrize(
    ("groups", "is_noted"),
    [
        ({"a": (0.3, 0.4), "b": (38.0, 41.0)}, True),
        ({"a": (0.3, 0.4), "b": (38.0, 41.0), "c": (0.5, 0.9)}, True),
        ({"a": (0.3, 0.4), "b": (1.5, 1.9)}, False),  # small percentages of both
        ({"a": (0.3, 0.4), "b": (38.0, 41.0), "c": (0.5, 30.0)}, False),  # c has both in one unit
        ({"a": (0.3, 0.4), "b": (380.0, 410.0)}, False),  # b is no percentage
    ],
)
def test_groups_are_noted_only_if_all_look_like_shares_or_percentages(
    groups: dict[str, tuple[float, float]], is_noted: bool
) -> None:
    rows = [{"group": group, "value": value} for group, values in groups.items() for value in values]
    assert bool(shares_and_percentages(["error"], pa.Table.from_pylist(rows))) is is_noted


def test_percentages_below_one_are_not_taken_for_shares() -> None:
    compute = np.array([1e18, 1e19, 1e20, 1e21])
    error = np.concatenate([[60, 30, 9, 0.9], [58, 29, 8, 0.7]])
    table = {"training_flops": np.tile(compute, 2), "group": ["a"] * 4 + ["b"] * 4, "error": error}
    assert "percentages" not in str(relscale.fit(pa.table(table), baseline="a"))
