"""An answer depends on neither the order of rows nor the names of groups, and follows the units of the table."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pytest

from relscale.questions.catalogue import question
from relscale.storage.column_arrays import Columns

RNG = np.random.default_rng(0)


def crossed(*axes: Any) -> list[np.ndarray]:
    return [axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")]


def text(kind: str, codes: np.ndarray) -> np.ndarray:
    return np.array([f"{kind}{int(code)}" for code in codes], dtype=object)


@dataclass(frozen=True)
class Case:
    """A question about a table.

    Attributes
    ----------
    labels
        Columns of names.
    units
        By column, the parts of the answer in its unit.
    drawn
        Parts of the answer by resamples, which depend on the order.
    """

    columns: Mapping[str, np.ndarray]
    asked: Mapping[str, Any]
    labels: tuple[str, ...] = ()
    units: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    drawn: tuple[str, ...] = ()


def cases() -> dict[str, Case]:
    model, item = crossed(np.arange(5), np.arange(20))
    score = np.where(RNG.random(100) < 0.1, np.nan, (RNG.random(100) < 0.3 + 0.1 * model).astype(float))
    answers = {"item": text("i", item), "size": 2.0**model, "score": score, "family": text("f", item * 0)}
    of_items = {"score": "score", "item": "item", "size": "size", "family": "family"}
    run, step = crossed(np.arange(6), np.arange(8.0))
    training = {"run": text("r", run), "step": step, "m": 2 + 0.2 * run + 0.02 * RNG.standard_normal(48)}
    training |= {f"t{i}": RNG.standard_normal(48).cumsum() for i in range(4)}
    params, tokens = crossed(np.geomspace(1e8, 1e9, 4), np.geomspace(1e9, 1e11, 5))
    loss = (1.7 + 400 * params**-0.34 + 400 * tokens**-0.28) * np.exp(RNG.normal(0, 0.01, 20))
    rate, batch, cell = crossed(np.geomspace(1e-4, 1e-2, 5), np.geomspace(1e5, 1e6, 4), [1.0, 8.0])
    away = (
        np.log(rate / 1e-3) ** 2 + np.log(batch / 3e5) ** 2 + 0.3 * np.log(rate / 1e-3) * np.log(batch / 3e5)
    )
    unique, share = crossed(np.geomspace(1e7, 1e9, 6), [0.0, 0.3, 0.6])
    target, auxiliary, _ = crossed(np.arange(3), np.arange(3), np.arange(3))
    seed, question_, choice = crossed(np.arange(3), np.arange(6), np.arange(3))
    group, arch = RNG.integers(0, 3, 40), RNG.integers(0, 2, 40)
    x = np.exp(RNG.uniform(0, 1, 40))
    y = np.exp(0.1 * group) * x ** (0.7 + 0.1 * arch) * np.exp(RNG.normal(0, 0.02, 40))
    return {
        "critical_branch": Case(
            {
                "k": np.tile(2.0 ** np.arange(5), 2),
                "y": 3 + 0.003 * np.arange(10.0),
                "at": text("c", np.repeat([0, 1], 5)),
            },
            {"factor": "k", "y": "y", "at": "at", "batch": 256.0},
            ("at",),
        ),
        "domain_prediction": Case(
            {name: values[run == 0] for name, values in training.items()},
            {"step": "step", "domains": ("a=t0+t1", "b=t2+t3")},
            units={"step": ()},
        ),
        "emergence": Case(
            {
                "scale": np.tile(np.geomspace(1e6, 1e9, 8), 2),
                "rate": np.exp(-(np.tile(np.geomspace(1, 1e3, 8), 2) ** -0.2)) * RNG.uniform(0.98, 1, 16),
                "draws": np.full(16, 300.0),
                "task": text("t", np.repeat([0, 1], 8)),
            },
            {"scale": "scale", "rate": "rate", "draws": "draws", "task": "task"},
            ("task",),
            {"scale": ()},
        ),
        "epistemic": Case(
            {
                "p": RNG.random(54),
                "item": text("i", question_),
                "choice": text("c", choice),
                "seed": text("s", seed),
            },
            {"probability": "p", "item": "item", "choice": "choice", "seed": "seed"},
            ("item", "choice", "seed"),
            {"p": ()},
        ),
        "estimation": Case(
            {"n": params, "d": tokens, "y": loss},
            {"x": ("n", "d"), "y": "y", "model": "n", "fix": ("A=400", "alpha=0.34"), "shares": ("1",)},
        ),
        "explained": Case(
            {"x": x, "y": y, "corpus": text("c", group), "arch": text("a", arch)},
            {"x": "x", "y": "y", "by": ("corpus", "arch")},
            ("corpus", "arch"),
            {"x": (), "y": ()},
        ),
        "inversions": Case(
            answers, of_items, ("item", "family"), {"size": ("smaller", "larger")}, ("p_value", "p_bh")
        ),
        "plateau": Case(answers, of_items, ("item", "family"), {"size": ("size",)}),
        "metric_chain": Case(
            {
                "item": text("i", item),
                "model": text("m", model),
                "c": 10.0 ** (18 + model),
                "lp": model + score,
            },
            {"metrics": ("lp",), "item": "item", "model": "model", "compute": "c"},
            ("item", "model"),
            {"c": ()},
            ("low", "high"),
        ),
        "multiplier": Case(
            {
                "u": np.tile(unique, 2),
                "y": np.tile(2 + 300 * (unique * (1 + share)) ** -0.3, 2),
                "share": np.tile(share, 2),
                "at": text("a", np.repeat([0, 1], 18)),
            },
            {"unique": "u", "y": "y", "share": "share", "at": "at"},
            ("at",),
            {"u": ("unique",)},
        ),
        "optimum": Case(
            {"n": params, "d": tokens, "y": loss},
            {"law": "parametric", "x": ("n", "d"), "y": "y", "at": ("training_flops=1e20",), "draws": 0},
        ),
        "signal_noise": Case(
            {**training, "recipe": text("p", run % 3), "scale": np.where(run < 3, 1.0, 10.0)},
            {
                "metrics": ("m",),
                "run": "run",
                "step": "step",
                "last": 5,
                "recipe": "recipe",
                "scale": "scale",
            },
            ("run", "recipe"),
            {"step": (), "scale": (), "m": ()},
            ("low", "high", "decision_low", "decision_high", "note"),
        ),
        "sweep": Case(
            {
                "learning_rate": rate,
                "batch_tokens": batch,
                "loss": 3 + 0.005 * away,
                "params": 1e8 * cell,
                "tokens": 1e10 * cell,
            },
            {"draws": 0},
            units={"params": ("params",), "tokens": ("tokens",), "batch_tokens": ("batch",)},
        ),
        "synergy": Case(
            {"loss": RNG.uniform(1, 1.1, 27), "target": text("l", target), "auxiliary": text("l", auxiliary)},
            {},
            ("target", "auxiliary"),
            {"loss": ()},
        ),
    }


CASES = cases()
ROUNDED = {"rel": 1e-6, "abs": 1e-9}


def answered(name: str, columns: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    return [asdict(row) for row in question(name).rows(Columns(columns), **CASES[name].asked)]


def assert_same(name: str, found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Rows in any order; numbers but for rounding."""
    assert len(found) == len(expected) > 0

    def key(row: Mapping[str, Any]) -> str:
        return str(
            [f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items() if k not in CASES[name].drawn]
        )

    for one, other in zip(sorted(found, key=key), sorted(expected, key=key), strict=True):
        for part, value in one.items():
            if part not in CASES[name].drawn:
                is_number = isinstance(value, float) and isinstance(other[part], float)
                assert value == (pytest.approx(other[part], **ROUNDED) if is_number else other[part]), part


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_order_of_rows_changes_no_answer(name: str) -> None:
    columns = CASES[name].columns
    order = np.random.default_rng(1).permutation(len(next(iter(columns.values()))))
    assert_same(
        name, answered(name, {key: cells[order] for key, cells in columns.items()}), answered(name, columns)
    )


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.labels])
def test_other_names_give_the_same_answer_under_these_names(name: str) -> None:
    columns = CASES[name].columns
    names = sorted({str(label) for column in CASES[name].labels for label in columns[column]})
    other = {label: f"z{len(names) - place:03d}" for place, label in enumerate(names)}
    renamed = {
        key: np.array([other[cell] for cell in cells], dtype=object) if key in CASES[name].labels else cells
        for key, cells in columns.items()
    }
    expected = [
        {part: other.get(value, value) if isinstance(value, str) else value for part, value in row.items()}
        for row in answered(name, columns)
    ]
    assert_same(name, answered(name, renamed), expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "column"), [(name, unit) for name, case in CASES.items() for unit in case.units]
)
@pytest.mark.parametrize("factor", [1e-6, 1e3])
def test_an_answer_follows_the_units_of_its_table(name: str, column: str, factor: float) -> None:
    case = CASES[name]
    expected = [
        {
            part: value * factor if part in case.units[column] and value else value
            for part, value in row.items()
        }
        for row in answered(name, case.columns)
    ]
    assert_same(name, answered(name, {**case.columns, column: case.columns[column] * factor}), expected)
