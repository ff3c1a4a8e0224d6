"""Every law, asked of a table: one sentence where its columns do not suffice, parameters where they do."""

import inspect
from pathlib import Path

import numpy as np
import pytest

from relscale.cli import main
from relscale.laws.catalogue import law, law_modules, law_names, law_or_family
from relscale.laws.law import Family

STRANGER = "model,size_class,bleu\na,small,10.5\nb,large,12.5\nc,small,11.0\nd,huge,14.0\n"


@pytest.fixture(name="stranger")
def table_of_other_things(tmp_path: Path) -> Path:
    """Columns that no law is of."""
    path = tmp_path / "stranger.csv"
    path.write_text(STRANGER)
    return path


def columns_of(name: str) -> tuple[str, ...]:
    one = law_or_family(name)
    if isinstance(one, Family):
        return one.columns((f"{one.prefix}a", f"{one.prefix}b"))
    return one.source_columns or one.predictors


def one_sentence(said: str) -> bool:
    return said.count("\n") == 1 and "Traceback" not in said and said.startswith("relscale fit: ")


@pytest.mark.parametrize("name", law_names())
def test_columns_that_are_not_there_are_one_sentence(
    name: str, stranger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for x in ([], ["--x", ",".join(columns_of(name))]):
        assert main(["fit", str(stranger), "--law", name, *x, "--y", "bleu"]) != 0
        assert one_sentence(said := capsys.readouterr().err), said


@pytest.mark.parametrize("name", ["flp", "sigmoid", "loss_to_loss"])
def test_a_law_of_a_loss_is_not_fitted_to_the_loss_that_it_is_of(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("model,loss\na,3.1\nb,2.9\nc,2.8\nd,2.7\n")
    assert main(["fit", str(path), "--law", name, "--y", "loss"]) == 1
    said = capsys.readouterr().err
    assert f"x: the law {name!r} needs loss, and no other column is called so" in said
    assert "one of model" in said


@pytest.mark.parametrize("name", [name for name in law_names() if isinstance(law_or_family(name), Family)])
def test_a_law_of_any_columns_says_what_they_are_called_and_which_there_are(
    name: str, stranger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", str(stranger), "--law", name, "--y", "bleu"]) == 1
    said = capsys.readouterr().err
    family = law_or_family(name)
    assert isinstance(family, Family)
    assert f"such as {family.pattern}; name them, from model, size_class, bleu" in said


@pytest.mark.slow
@pytest.mark.parametrize("name", law_names())
def test_too_few_columns_too_few_rows_and_text_are_one_sentence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = columns_of(name)
    path = tmp_path / "few.csv"
    rows = [",".join([*("2" for _ in columns), "1.5", "g"]), ",".join([*("4" for _ in columns), "1.2", "g"])]
    path.write_text("\n".join([",".join([*columns, "y", "kind"]), *rows]))
    ask = ["fit", str(path), "--law", name, "--y", "y"]
    for x in ("kind", ",".join([*columns[1:], "kind"]), ",".join([*columns, "y"])):
        code = main([*ask, "--x", x])
        said = capsys.readouterr()
        assert code == 0 or one_sentence(said.err), said.err


@pytest.mark.slow
@pytest.mark.parametrize("name", law_names())
def test_a_predictor_of_zero_or_below_is_one_sentence_or_a_row_left_out(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = columns_of(name)
    path = tmp_path / "zero.csv"
    numbers = np.random.default_rng(0).uniform(1, 5, (14, len(columns) + 1))
    numbers[3, 0], numbers[5, 0] = 0, -2
    path.write_text("\n".join([",".join([*columns, "y"]), *(",".join(map(str, row)) for row in numbers)]))
    code = main(["fit", str(path), "--law", name, "--y", "y", "--x", ",".join(columns)])
    said = capsys.readouterr()
    assert code == 0 or one_sentence(said.err), said.err


def test_values_below_zero_are_fitted_as_the_sentence_that_refuses_their_logarithms_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A logarithm of a probability, by the loss of another text."""
    path, loss = tmp_path / "probabilities.csv", np.linspace(2, 4, 9)
    path.write_text("\n".join(["c4,ln_p", *(f"{a},{b}" for a, b in zip(loss, -0.5 * loss - 1, strict=True))]))
    ask = ["fit", str(path), "--law", "flp", "--x", "c4", "--y", "ln_p"]
    assert main(ask) == 1
    assert capsys.readouterr().err.endswith("ln_p is -2 in row 1; residual linear fits such values\n")
    assert main([*ask, "--residual", "linear"]) == 0


@pytest.mark.parametrize("name", law_names())
def test_a_law_is_explained(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["laws", name]) == 0
    said = capsys.readouterr().out
    assert name in said
    assert "source: " in said
    one = law(name, columns_of(name))
    assert one.formula in said
    assert inspect.cleandoc(law_modules()[name].__doc__ or "").splitlines()[0] in said
    assert one.traps in said
    assert all(parameter in said for parameter in one.names)


def test_the_options_of_a_law_are_reported_as_they_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["laws", "annealing:warm_up=real"]) == 0
    assert "\noptions: annealing:warm_up=peak,forgetting=0.999\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "x", "y", "truth"),
    [
        (
            "task_scaling",
            "params",
            np.exp(-0.6 * (np.geomspace(1e8, 1e11, 10) / 3e9) ** -0.3),
            ("alpha", 0.3),
        ),
        ("peak_learning_rate", "batch", 2e-3 / (1 + (1e9 / np.geomspace(1e8, 1e11, 10)) ** 0.5), ("p", 0.5)),
        ("rectified", "rows", 1.2 + 400 / (300 + np.geomspace(1e2, 1e6, 10) ** 0.7), ("beta", 0.7)),
    ],
)
def test_a_law_is_fitted_to_columns_of_any_name(
    name: str,
    x: str,
    y: np.ndarray,
    truth: tuple[str, float],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    at = np.geomspace(1e2, 1e6, 10) if x == "rows" else np.geomspace(1e8, 1e11, 10)
    path = tmp_path / "mine.csv"
    path.write_text("\n".join([f"{x},score", *(f"{a:.12g},{b:.12g}" for a, b in zip(at, y, strict=True))]))
    ask = ["fit", str(path), "--law", name, "--x", x, "--y", "score", "--residual", "linear"]
    assert main([*ask, "--output", str(tmp_path / "fits.csv")]) == 0, capsys.readouterr()
    from relscale.storage.tables import read_table

    rows = read_table(tmp_path / "fits.csv").to_pylist()
    (value,) = [row["value"] for row in rows if row["parameter"] == truth[0]]
    assert value == pytest.approx(truth[1], rel=1e-4)


@pytest.mark.parametrize("name", [name for name in law_names() if len(columns_of(name)) > 1])
def test_predictors_by_their_own_names_in_another_order_are_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry, (*others, before_last, last) = law_or_family(name), columns_of(name)
    if isinstance(entry, Family) and last.startswith(entry.prefix):
        pytest.skip("its parts may have any order")
    path = tmp_path / "runs.csv"
    rows = [",".join(str(0.1 + i + j) for j in range(len(others) + 3)) for i in range(9)]
    path.write_text("\n".join([",".join([*others, before_last, last, "measured"]), *rows]))
    assert main(
        ["fit", str(path), "--law", name, "--x", ",".join([*others, last, before_last]), "--y", "measured"]
    )
    assert one_sentence(said := capsys.readouterr().err)
    assert f"in this order, but column {last!r} is given as its {before_last}" in said


@pytest.mark.parametrize("name", ["mixture_additive", "mixture_loglinear", "multilingual", "information"])
@pytest.mark.parametrize("unit", [100.0, 1e9])
def test_percentages_or_tokens_as_shares_are_refused(
    name: str, unit: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = columns_of(name)
    rows = [
        [
            unit * (share if column == "share_a" else 1 - share) if "share" in column else 1e9
            for column in columns
        ]
        for share in np.linspace(0.1, 0.9, 9)
    ]
    path = tmp_path / "mixtures.csv"
    lines = [",".join(f"{cell:.12g}" for cell in [*row, 3 - i / 10]) for i, row in enumerate(rows)]
    path.write_text("\n".join([",".join([*columns, "measured"]), *lines]))
    assert main(["fit", str(path), "--law", name, "--x", ",".join(columns), "--y", "measured"]) == 1
    assert one_sentence(said := capsys.readouterr().err)
    assert (
        f"share_a, share_b: these are not shares that sum to at most 1 in every row; a row sums to {unit:g}"
        in said
    )
