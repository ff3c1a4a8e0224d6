"""Documents, bytes and tokens of a store, in total and by group."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from relscale.tokens.manifest import Counts, GroupCounts


def totals(index: pa.Table) -> Counts:
    """Documents, bytes and tokens of an index of documents."""
    size, tokens = (int(index[name].to_numpy().sum()) for name in ("bytes", "tokens"))
    return Counts(documents=index.num_rows, bytes=size, tokens=tokens)


def group_totals(index: pa.Table) -> dict[str, Counts]:
    """Training text of each group."""
    train = index.filter(pc.equal(index["split"], "train"))
    return {
        group: totals(train.filter(pc.equal(train["group"], group)))
        for group in sorted(train["group"].unique().to_pylist())
    }


def with_shares(groups: Mapping[str, Counts]) -> dict[str, GroupCounts]:
    """Totals of each group, with its share of the tokens."""
    total = sum(counts.tokens for counts in groups.values())
    return {
        group: GroupCounts(
            documents=counts.documents,
            bytes=counts.bytes,
            tokens=counts.tokens,
            share=counts.tokens / total,
        )
        for group, counts in groups.items()
    }
