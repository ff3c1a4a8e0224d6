"""A table's column of errors keeps its name in results, report and figure, and the name changes no number."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import relscale
from relscale.table_fit.result import TableFit


def fitted(name: str, law: str = "relative", **options: object) -> TableFit:
    rng = np.random.default_rng(0)
    compute = np.geomspace(1e18, 1e22, 8)
    rows = [
        {"flops": c, name: (c / 1e18) ** -beta * np.exp(0.01 * rng.standard_normal()), "kind": kind}
        for kind, beta in (("easy", 0.08), ("hard", 0.05))
        for c in compute
    ]
    return relscale.fit(pa.Table.from_pylist(rows), law, x="flops", y=name, group="kind", **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["my_error", "macro", "mean_of_tests", "Paloma (macro)", "nats", "perplexity"]
)
@pytest.mark.parametrize(
    ("law", "options"),
    [("relative", {"baseline": "easy"}), ("power", {}), ("power", {"residual": "linear", "bootstrap": 0})],
)
def test_results_name_the_column_and_are_those_of_any_other_name(name, law, options) -> None:
    found, same = fitted(name, law, **options), fitted("loss", law, **options)
    assert set(found.fits["metric"].to_pylist()) <= {name, None}
    assert set(found.measurements["metric"].to_pylist()) == {name}
    for column in ("value", "low", "high", "p_value"):
        assert found.fits[column].to_pylist() == same.fits[column].to_pylist()
    assert found.fits["value"].null_count < found.fits.num_rows


@pytest.mark.slow
def test_report_and_figure_name_the_column(tmp_path: Path) -> None:
    found = fitted("my_error", baseline="easy")
    found.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "metric my_error<" in page
    drawn = found.plot("gap").to_json()
    assert "my error" in drawn
    assert "loss_my" not in page
    assert "loss my" not in drawn


def test_a_column_named_as_a_score_is_fitted_as_the_error_that_it_is_said_to_be() -> None:
    """Without an error rate of 1 − accuracy beside it."""
    found = fitted("accuracy", baseline="easy")
    assert found.fits["value"].to_pylist() == fitted("loss", baseline="easy").fits["value"].to_pylist()
    assert len(set(found.results.errors["metric"].to_pylist())) == 1
