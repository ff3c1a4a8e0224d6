"""The optimal mixture and the worth of mixing, as a config asks for them: tables of the fit, and their figures."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from relscale.errors import RelscaleError
from relscale.figures.data import FigureData
from relscale.figures.plot import make_figure
from relscale.fitting.fit import fit
from relscale.fitting.fits import Fits, write
from relscale.fitting.report.reproduction import reproduction
from relscale.fitting.report.reproduction_row import AnswerRow
from relscale.laws import mixture_additive, repetition
from relscale.storage.rows import names_of
from relscale.storage.tables import write_table

PROSE, CODE = np.array([1.0, 2.0, 0.2, 0.5, 0.5]), np.array([1.0, 0.2, 2.0, 0.5, 0.5])  # each prefers its own
SHARES = [*np.linspace(0, 0.9, 12), 0.7]  # the last one is held out
LAW = {
    **{"name": "by_share", "law": "mixture_additive", "x": ["share_prose", "share_code"], "by": ["group"]},
    **{"where": {"suite": "bits"}, "residual": "linear", "predict": {"corpus": "m12"}},
}


def row(corpus: str, group: str, value: float, **cells: Any) -> dict[str, Any]:
    of_run = {
        "experiment": "mixed",
        "corpus": corpus,
        "optimizer": "adamw",
        "run": corpus,
        "step": 1,
        "seed": 0,
    }
    size = {"budget": 6e9, "training_flops": 6e9, "params": 1e3, "tokens": 1e6}
    key = {"suite": "bits", "prompt": "default", "group": group, "metric": "bits_per_byte_document_pooled"}
    return of_run | size | key | {"value": value, "status": "ok"} | cells


MIXTURES = pa.Table.from_pylist(
    [
        row(
            f"m{i}",
            group,
            float(mixture_additive.value(theta, np.array([[prose], [1 - prose]]))[0]),
            **{"share_prose": prose, "share_code": 1 - prose},
        )
        for i, prose in enumerate(SHARES)
        for group, theta in (("prose", PROSE), ("code", CODE))
    ]
)


def fitted(measurements: pa.Table, **options: Any) -> Fits:
    return fit(
        measurements,
        options={"frontier": "all", "bootstrap": 20, "specifications": [], "power": [], **options},
    )


def best(**optimum: Any) -> dict[str, Any]:
    table = fitted(MIXTURES, laws=[LAW | {"optimum": {"draws": 0, **optimum}}]).mixtures
    return {each["quantity"]: each for each in table.to_pylist()}


def figure(name: str, fits: Fits, measurements: pa.Table, folder: Path) -> Any:
    write_table(measurements, folder / "measurements.parquet")
    write(fits, folder / "fits")
    return make_figure(name, FigureData(folder / "measurements.parquet", folder / "fits"))


@pytest.mark.slow
def test_two_mirrored_targets_are_best_served_in_equal_parts_and_the_figure_shows_it(tmp_path: Path) -> None:
    fits = fitted(MIXTURES, laws=[LAW | {"optimum": {"draws": 10}}])
    of = {each["quantity"]: each for each in fits.mixtures.to_pylist()}
    assert of["share_prose"]["value"] == pytest.approx(0.5, abs=2e-3)
    equal = float(mixture_additive.value(PROSE, np.array([[0.5], [0.5]]))[0])  # of either target
    assert of["mean of the targets"]["value"] == pytest.approx(equal, rel=1e-4)
    points = fits.mixture_points.to_pylist()
    assert len(points) == 2 * (len(SHARES) - 1)  # without the one that is held out
    for each in points:
        assert each["fitted"] == pytest.approx(each["observed"], rel=1e-4)
    drawn = figure("mixture", fits, MIXTURES, tmp_path)
    assert drawn.layout.xaxis.title.text == "measured bits per byte (documents, pooled)"
    stars = next(trace for trace in drawn.data if trace.marker.symbol == "star" and trace.xaxis == "x")
    assert list(stars.y) == pytest.approx(list(stars.x), rel=1e-4)
    assert len(stars.x) == 2
    marks = [trace for trace in drawn.data if trace.xaxis == "x2" and trace.mode == "markers"]
    assert any(trace.x[0] == pytest.approx(0.5, abs=2e-3) for trace in marks)


@pytest.mark.slow
def test_models_without_one_of_the_targets_are_counted_in_the_note_of_the_optimum() -> None:
    measured = MIXTURES.to_pylist()
    lost = [
        {**each, "value": None} if (each["run"], each["group"]) == ("m4", "code") else each
        for each in measured
    ]
    fits = fitted(pa.Table.from_pylist(lost), laws=[LAW | {"optimum": {"draws": 0}}])
    of = {each["quantity"]: each for each in fits.mixtures.to_pylist()}
    assert of["mean of the targets"]["note"] == "models left out: 1, without a target or a predictor"


@pytest.mark.slow
def test_laws_of_different_targets_are_drawn_one_below_the_other(tmp_path: Path) -> None:
    prose = LAW | {"name": "prose_alone", "where": {"suite": "bits", "group": "prose"}, "predict": None}
    fits = fitted(MIXTURES, laws=[law | {"optimum": {"draws": 0}} for law in (LAW, prose)])
    drawn = figure("mixture", fits, MIXTURES, tmp_path)
    targets = {
        axis: {trace.name for trace in drawn.data if trace.xaxis == axis and trace.name and trace.x[0]}
        for axis in ("x", "x3")
    }
    assert targets == {"x": {"prose", "code"}, "x3": {"prose"}}
    assert "bars" not in "".join(note.text for note in drawn.layout.annotations), "none is drawn"


@pytest.mark.slow
def test_a_published_loss_of_a_mixture_is_compared_with_the_value_of_the_law() -> None:
    fits = fitted(MIXTURES, laws=[LAW | {"optimum": {"draws": 0}}])
    number = {
        "table": "mixture_points",
        "where": "run=m4; target=code",
        "column": "fitted",
        "tolerance": 1e-3,
    }
    published = next(
        row for row in fits.mixture_points.to_pylist() if (row["run"], row["target"]) == ("m4", "code")
    )
    cells = {"quantity": "loss", "data": "{run}", "published": published["observed"], **number}
    answers = pa.Table.from_pylist([dict.fromkeys(names_of(AnswerRow)) | cells])
    (row,) = reproduction(answers, fits).to_pylist()
    assert (row["data"], row["agrees"], row["status"]) == ("m4", True, "ok")


@pytest.mark.slow
def test_a_heavy_divergence_keeps_the_mixture_at_its_prior() -> None:
    heavy = best(kl=1e3, prior="m4")
    assert heavy["share_prose"]["value"] == pytest.approx(SHARES[4], abs=1e-3)
    assert heavy["divergence from the prior"]["value"] == pytest.approx(0, abs=1e-5)
    assert best(prior="m4")["share_prose"]["value"] == pytest.approx(0.5, abs=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("law", "message"),
    [
        (
            {"law": "power", "x": [], "predict": None},
            r"fit.laws.by_share.optimum: power is not a mixture law",
        ),
        (
            {"loss": "huber"},
            r"fit.laws.by_share: the optimal mixture is computed by unweighted least squares.* without loss",
        ),
        ({"optimum": {"prior": "none"}}, r"fit.laws.by_share.optimum.prior: no measurement has corpus none"),
    ],
)
def test_an_optimum_that_cannot_be_found_is_one_sentence(law: dict[str, Any], message: str) -> None:
    with pytest.raises(RelscaleError, match=message):
        fitted(MIXTURES, laws=[LAW | {"optimum": {"draws": 0}} | law])


def alone_and_mixed() -> pa.Table:
    """Losses by the law of repeated text at 4e9 tokens; with code, that of 2.5 times the text, and one beyond all."""
    unique = np.array([5e7, 1e8, 2e8, 2.5e8, 4e8])
    worth = repetition.decayed(unique, 4e9 / unique - 1, np.array(15.387756))
    loss = 1.8691 + 1488 / worth**0.35266
    alone = [
        row(f"u{i}", "prose", float(value), share_code=0.0, unique_tokens=float(amount))
        for i, (amount, value) in enumerate(zip(unique, loss, strict=True))
    ]
    mixed = [
        row(f"c{share}", "prose", float(value), share_code=share, unique_tokens=3e9)
        for share, value in ((0.5, loss[3]), (0.7, 0.9))
    ]
    return pa.Table.from_pylist(alone + mixed)


@pytest.mark.slow
def test_a_mixture_as_good_as_two_and_a_half_times_the_text_is_drawn_there(tmp_path: Path) -> None:
    asked = {"name": "code", "where": {"suite": "bits"}, "share": "share_code", "unique_in_mixtures": 1e8}
    measurements = alone_and_mixed()
    fits = fitted(measurements, multipliers=[asked])
    exact, beyond = fits.multipliers.to_pylist()
    assert exact["multiplier"] == pytest.approx(2.5, rel=1e-12)
    assert (beyond["multiplier"], beyond["status"]) == (None, "beyond the data that the law was fitted to")
    drawn = figure("multiplier", fits, measurements, tmp_path)
    (line,) = (trace for trace in drawn.data if trace.mode == "lines" and trace.legendgroup)
    assert (list(line.x), list(line.y)) == ([0.5], pytest.approx([2.5]))
    assert "1,000,000 tokens" in [trace.name for trace in drawn.data]
    with pytest.raises(RelscaleError, match=r"fit\.multipliers\.code: .*share_cod"):
        fitted(measurements, multipliers=[asked | {"share": "share_cod"}])


@pytest.mark.slow
def test_runs_that_are_compared_at_equal_compute_have_no_tokens_in_their_key(tmp_path: Path) -> None:
    asked = {"name": "code", "where": {"suite": "bits"}, "share": "share_code", "unique_in_mixtures": 1e8}
    measurements = alone_and_mixed()
    fits = fitted(measurements, multipliers=[asked | {"at": "training_flops"}])
    names = [
        trace.name for trace in figure("multiplier", fits, measurements, tmp_path).data if trace.showlegend
    ]
    assert names == ["6×10⁹"]


def test_a_run_without_a_share_is_counted_in_the_note_of_multipliers() -> None:
    asked = {"name": "code", "where": {"suite": "bits"}, "share": "share_code", "unique_in_mixtures": 1e8}
    lost = row("lost", "prose", 2.0, share_code=None, unique_tokens=3e9)
    fits = fitted(pa.Table.from_pylist([*alone_and_mixed().to_pylist(), lost]), multipliers=[asked])
    assert [row["note"].count("1 of 8 runs excluded") for row in fits.multipliers.to_pylist()] == [1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mixture", "multiplier"])
def test_figures_of_what_the_config_does_not_ask_for_say_so(name: str, tmp_path: Path) -> None:
    drawn = figure(name, fitted(alone_and_mixed()), MIXTURES, tmp_path)
    assert "The config requests no" in drawn.layout.annotations[0].text
