"""Two-step prediction of accuracy from size and tokens: the OLMo 2 ladder (Bhagia et al., arXiv 2412.04403)."""

from collections.abc import Mapping

import numpy as np

from relscale.atlas.entry import Entry, Number, Tables
from relscale.atlas.signal_and_noise import scores
from relscale.atlas.view import Series, View
from relscale.fitting.estimation.estimate import estimate
from relscale.fitting.estimation.estimates import Estimates
from relscale.laws import parametric, sigmoid
from relscale.laws.law import Array
from relscale.storage.column_arrays import Columns

SIZES, MULTIPLES = ("190M", "370M", "760M", "1B"), ("1xC", "2xC", "5xC", "10xC")
LARGE, LARGE_TOKENS = "peteish13_eval_final", 5_000_088_518_656
MIDDLE, LARGE_FULL, HALFWAY = "peteish7_eval_full", "peteish13_eval_full", 2.1e12
LAST = 5  # number of averaged checkpoints
WARM_UP = 0.1  # share of a run whose checkpoints are excluded from the second step
TASKS = (
    *("hellaswag_val_5shot", "arc_challenge_test_5shot", "arc_easy_test_5shot", "piqa_val_5shot"),
    *("csqa_val_5shot", "socialiqa_val_5shot", "openbookqa_test_5shot"),
)
C4 = "c4_en_loss"
STEPS = ("bits per byte", "accuracy from the measured bits per byte", "accuracy from size and tokens")


def trailing_means(values: Array) -> Array:
    """Means of each value and up to four previous ones."""
    total = np.cumsum(np.concatenate([[0.0], values]))
    first = np.maximum(np.arange(len(values)) + 1 - LAST, 0)
    return np.asarray((total[1:] - total[first]) / (np.arange(len(values)) + 1 - first))


def fitted_surface(runs: list[Columns], by: str) -> Estimates:
    """The law of size and tokens fitted to the column ``by`` at the end of the runs."""
    return estimate(
        parametric.LAW,
        np.array([[run[name][-1] for run in runs] for name in ("params", "tokens")]),
        np.array([run[by][-LAST:].mean() for run in runs]),
        loss="huber",
    )


def fitted_sigmoid(runs: list[Columns], task: str, by: str, ideal: bool = True) -> Array:
    """The sigmoid of a task's accuracy over ``by``, fitted to the runs' checkpoints and, if ``ideal``, to (0, 1)."""
    points = [np.array([[0.0], [1.0]])] if ideal else []  # 0 bits and accuracy 1
    for run in runs:
        after_warm_up = slice(int(np.ceil(WARM_UP * len(run["tokens"]))), None)
        points.append(
            np.stack([trailing_means(run[name][after_warm_up]) for name in (by, f"{task}:accuracy")])
        )
    x, y = np.concatenate(points, axis=1)
    return estimate(sigmoid.LAW, x[None], y, residual="linear").theta[:, 0]


def with_mean_mmlu(run: Columns) -> Columns:
    """The run with columns for MMLU, the mean over its questions."""
    return Columns(
        {**run.of, **{f"mmlu:{metric}": scores(run, "mmlu", metric) for metric in ("bpb", "accuracy")}}
    )


def two_steps(runs: list[Columns], large: Columns, task: str, by: str) -> tuple[float, float, float]:
    """The prediction of ``by`` for a large model, and its accuracies from the measured and from the predicted value."""
    surface = fitted_surface(runs, by).theta[:, 0]
    size = large["params"][0]
    bits = float(parametric.value(surface, np.array([[size], [LARGE_TOKENS]]))[0])
    curve = fitted_sigmoid(runs, task, by)
    measured = large[by][-LAST:].mean()
    accuracies = sigmoid.value(curve, np.array([[measured, bits]]))
    return bits, float(accuracies[0]), float(accuracies[1])


def reproduce(tables: Tables) -> dict[str, Number]:
    """Predictions of the 13B model by both steps, fitted to 16 runs of up to 1.3B parameters."""
    runs = dict(tables.read("olmo_ladder_checkpoints.csv.gz").by("run"))
    small = [runs[f"{size}-{multiple}"] for size in SIZES for multiple in MULTIPLES]
    results: dict[str, Number] = {}
    for task in TASKS:
        column = task.removesuffix("_5shot")
        numbers = two_steps(small, runs[LARGE], column, f"{column}:bpb")
        results |= {f"{step}, {task}": Number(number) for step, number in zip(STEPS, numbers, strict=True)}
        loss, accuracy, _ = two_steps(small, runs[LARGE], column, C4)
        results |= {
            "loss on C4": Number(loss),
            f"accuracy from the measured loss on C4, {task}": Number(accuracy),
        }
        for metric, name in (("bpb", "bits per byte"), ("accuracy", "accuracy")):
            measured = runs[LARGE][f"{column}:{metric}"][-LAST:].mean()
            results[f"measured {name}, {task}"] = Number(float(measured))
    results["measured loss on C4"] = Number(float(runs[LARGE][C4][-LAST:].mean()))
    results |= gaps_on_c4(runs, fitted_surface(small, C4).theta[:, 0])
    small = [with_mean_mmlu(run) for run in small]
    measured_loss = runs[LARGE][C4][-LAST:].mean()
    for ideal, name in ((True, "with"), (False, "without")):
        curve_of_c4 = fitted_sigmoid(small, "mmlu", C4, ideal)
        results[f"accuracy from the measured loss on C4, MMLU, {name} an ideal point"] = Number(
            float(sigmoid.value(curve_of_c4, np.array([[measured_loss]]))[0])
        )
    for task in ("mmlu", "hellaswag_val", "csqa_val"):
        results[f"objective of bits per byte, {task}"] = Number(
            float(fitted_surface(small, f"{task}:bpb").objective[0])
        )
    floor, scale, data_scale, alpha, beta = fitted_surface(small, "mmlu:bpb").theta[:, 0]
    surface = {"ln A": np.log(scale), "ln B": np.log(data_scale), "alpha": alpha, "beta": beta, "E": floor}
    lowest, highest, midpoint, slope = fitted_sigmoid(small, "mmlu", "mmlu:bpb")
    curve = {"a": lowest - highest, "L0": midpoint, "k": slope, "b": highest}
    for values in (surface, curve):
        results |= {f"{name} of MMLU": Number(float(value)) for name, value in values.items()}
    return results


def gaps_on_c4(runs: Mapping[str, Columns], surface: Array) -> dict[str, Number]:
    """How far the losses of the large models on C4 are above the law of the small ones."""
    results = {}
    for name, run in (("7B at 3.9T tokens", runs[MIDDLE]), ("13B at the end", runs[LARGE])):
        measured = run[C4][-LAST:].mean()
        expected = parametric.value(surface, np.array([run["params"][-1:], run["tokens"][-1:]]))[0]
        results[f"loss on C4 above the law, {name}"] = Number(100 * float(1 - expected / measured))
    halfway = runs[LARGE_FULL]
    at = np.abs(halfway["tokens"] - HALFWAY).argmin()
    size = np.array([halfway["params"][[at]], halfway["tokens"][[at]]])
    results[f"measured loss on C4, 13B at {HALFWAY / 1e12:.1f}T tokens"] = Number(float(halfway[C4][at]))
    results[f"loss on C4, 13B at {HALFWAY / 1e12:.1f}T tokens"] = Number(
        float(parametric.value(surface, size)[0])
    )
    return results


def view(tables: Tables) -> View:
    """HellaSwag's accuracy over its bits per byte: checkpoints of small runs, their sigmoid, and the 13B model."""
    runs = dict(tables.read("olmo_ladder_checkpoints.csv.gz").by("run"))
    columns, series = ("hellaswag_val:bpb", "hellaswag_val:accuracy"), []
    for size in SIZES:
        values = []
        for multiple in MULTIPLES:
            run = runs[f"{size}-{multiple}"]
            after_warm_up = slice(int(np.ceil(WARM_UP * len(run["tokens"]))), None)
            values.append(np.stack([trailing_means(run[name][after_warm_up]) for name in columns]))
        x, y = np.concatenate(values, axis=1)
        series.append(Series(size, x, y))
    small = [runs[f"{size}-{multiple}"] for size in SIZES for multiple in MULTIPLES]
    curve = fitted_sigmoid(small, "hellaswag_val", "hellaswag_val:bpb")
    at = np.linspace(0.6, float(x.max()), 100)
    bits, accuracy = ([float(runs[LARGE][name][-LAST:].mean())] for name in columns)
    fit = Series("sigmoid of these runs", fitted=(at, sigmoid.value(curve, at[None])))
    large = Series("13B, not fitted", bits, accuracy)
    return View("bits per byte", "accuracy", (*series, fit, large), log_x=False, log_y=False)


ENTRY = Entry(
    title="Establishing task scaling laws: the OLMo 2 ladder",
    paper="Bhagia et al., arXiv 2412.04403",
    law="parametric",
    formula="bits per byte = E + A · N^(−α) + B · D^(−β), and accuracy a sigmoid of bits per byte",
    tables=("olmo_ladder_checkpoints.csv.gz",),
    reproduce=reproduce,
    view=view,
    command="relscale fit ladder.csv --law parametric --x params,tokens --y bits_per_byte --group task --loss huber\n"
    "relscale fit checkpoints.csv --law sigmoid --x bits_per_byte --y accuracy --residual linear --anchor 0,1",
    remark="Fitted to 16 runs of 190M to 1.3B parameters and tested on 13B parameters and 5T tokens. Bits per byte "
    "are means of the last five checkpoints. The sigmoid is fitted to running means of up to five checkpoints, "
    "without the first tenth of each run, and to an ideal point of 0 bits and accuracy 1, on which the result depends "
    "strongly. The measured losses of the 7B and 13B models on C4 are above their law from early on, for an unknown "
    "reason. MMLU of the largest models is excluded.",
    slow=True,
)
