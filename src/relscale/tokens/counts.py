"""How much text and how many tokens a store has, in all and by group."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc


def totals(rows: pa.Table) -> dict[str, int]:
    """Documents, bytes and tokens of an index of documents."""
    return {"documents": rows.num_rows} | {
        name: int(rows[name].to_numpy().sum()) for name in ("bytes", "tokens")
    }


def group_totals(index: pa.Table) -> dict[str, dict[str, int]]:
    """Training text of each group."""
    train = index.filter(pc.equal(index["split"], "train"))
    return {
        group: totals(train.filter(pc.equal(train["group"], group)))
        for group in sorted(train["group"].unique().to_pylist())
    }


def with_shares(groups: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, float]]:
    """Each group's totals, with its share of the tokens."""
    total = sum(each["tokens"] for each in groups.values())
    return {group: {**each, "share": each["tokens"] / total} for group, each in groups.items()}
