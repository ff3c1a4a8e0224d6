"""MMLU loss of the checkpoints of 22 Gemstones models (arXiv 2502.06857), by subject and by group."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.errors import RelscaleError
from relscale.measurements.mmlu_groups import GROUPS
from relscale.storage.tables import read_table

SPENT = ("run", "block", "step", "tokens", "training_flops")


def load(path: Path) -> pa.Table:
    """Losses of subjects (suite "mmlu_subjects") and of the four groups (suite "mmlu"), micro and macro.

    With n_s questions, mean loss L_s and standard error e_s of each of a group's S subjects:

    * micro, the mean over questions: ``Σ n_s·L_s / Σ n_s``, standard error ``√Σ(n_s·e_s)² / Σ n_s``;
    * macro, the mean over subjects: ``Σ L_s / S``, standard error ``√Σ e_s² / S``.

    Raises
    ------
    RelscaleError
        A subject is not one of MMLU's.
    """
    table = read_table(path, ("model", "step", "tokens", "training_flops", "subject", "n", "loss", "se"))
    subjects = _subjects(table)
    group_of = {subject: group for group, names in GROUPS.items() for subject in names.split()}
    unknown = sorted(set(table["subject"].to_pylist()) - set(group_of))
    if unknown:
        raise RelscaleError(f"{path}: {unknown[0]!r} is not a subject of MMLU")
    groups = pa.array([group_of[subject] for subject in table["subject"].to_pylist()])
    return pa.concat_tables(
        [
            subjects,
            _means(subjects, groups, subjects["items"], "nats_answer_micro"),
            _means(subjects, groups, pa.repeat(1, table.num_rows), "nats_answer_macro"),
        ]
    )


def _subjects(table: pa.Table) -> pa.Table:
    run = pc.binary_join_element_wise(table["model"], pc.cast(table["step"], pa.string()), "@")
    return pa.table(
        {
            "corpus": pa.repeat("gemstones", table.num_rows),
            "run": run,
            "block": table["model"],
            **{name: table[name] for name in SPENT[2:]},
            "suite": pa.repeat("mmlu_subjects", table.num_rows),
            "group": table["subject"],
            "metric": pa.repeat("nats_answer_mean", table.num_rows),
            "value": table["loss"],
            "stderr": table["se"],
            "items": table["n"],
        }
    )


def _means(subjects: pa.Table, groups: pa.Array, weight: pa.Array, metric: str) -> pa.Table:
    """Weighted means over the subjects of each group, for every run."""
    weighted = pa.table(
        {
            **{name: subjects[name] for name in ("corpus", *SPENT, "items")},
            "group": groups,
            "weight": weight,
            "loss": pc.multiply(subjects["value"], weight),
            "variance": pc.power(pc.multiply(subjects["stderr"], weight), 2),
        }
    )
    names = ["weight", "loss", "variance", "items"]
    total = weighted.group_by(["corpus", *SPENT, "group"], use_threads=False).aggregate(
        [(name, "sum") for name in names]
    )
    size = total["weight_sum"].to_numpy().astype(float)
    rows = total.num_rows
    return pa.table(
        {
            **{name: total[name] for name in ("corpus", *SPENT)},
            "suite": pa.repeat("mmlu", rows),
            "group": total["group"],
            "metric": pa.repeat(metric, rows),
            "value": total["loss_sum"].to_numpy() / size,
            "stderr": np.sqrt(total["variance_sum"].to_numpy()) / size,
            "items": total["items_sum"],
        }
    )
