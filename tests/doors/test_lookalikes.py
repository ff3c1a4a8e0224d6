"""Names that nobody can tell apart by looking are one sentence at every door, not two groups."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from one_sentence import assert_one_sentence

import relscale
from relscale.corpora.documents import documents_table
from relscale.corpora.files import read_folder
from relscale.corpora.options import TextFiles
from relscale.errors import RelscaleError
from relscale.lookalikes import check_lookalikes
from relscale.measurements.options import Table
from relscale.measurements.published import read_tables
from relscale.scoring.checkpoint_table import read_checkpoints
from relscale.storage.yaml_text import parse

ALIKE = {
    "a space at the end": ("b", "b "),
    "two spaces": ("b c", "b  c"),
    "a space that does not break": ("b c", "b\u00a0c"),
    "one character or two": ("caf\u00e9", "cafe\u0301"),
    "no width": ("b", "b\u200b"),
    "a mark of direction": ("b", "b\u202e"),
    "another alphabet": ("a", "\u0430"),
    "another hyphen": ("a-b", "a\u2011b"),
}
APART = [("b", "B"), ("e", "\u00e9"), ("b c", "bc"), ("a-b", "a_b"), ("\u540d", "\u524d"), ("x2", "x\u00b2")]
FLOPS = [1e18, 1e19, 1e20]


def rows(names: tuple[str, str], column: str = "group") -> list[dict[str, Any]]:
    return [
        {"run": f"{flops:g}", "flops": flops, "group": "g", "corpus": "web", "loss": level * flops**-0.05}
        | {column: name}
        for flops in FLOPS
        for name, level in zip(names, (10, 20), strict=True)
    ]


def as_csv(names: tuple[str, str], folder: Path) -> Any:
    path = folder / "t.csv"
    lines = ["flops,group,loss", *(f'{r["flops"]},"{r["group"]}",{r["loss"]}' for r in rows(names))]
    path.write_text("\n".join(lines), encoding="utf-8")
    return relscale.fit(path, x="flops", y="loss", group="group", bootstrap=0)


def as_json_lines(names: tuple[str, str], folder: Path) -> Any:
    path = folder / "t.jsonl"
    path.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows(names)), encoding="utf-8")
    return relscale.fit(path, x="flops", y="loss", group="group", bootstrap=0)


def as_parquet(names: tuple[str, str], folder: Path) -> Any:
    pa.parquet.write_table(pa.Table.from_pylist(rows(names)), folder / "t.parquet")
    return relscale.fit(folder / "t.parquet", x="flops", y="loss", group="group", bootstrap=0)


def as_pandas(names: tuple[str, str], folder: Path) -> Any:
    frame = pytest.importorskip("pandas").DataFrame(rows(names))
    return relscale.fit(frame, x="flops", y="loss", group="group", bootstrap=0)


def as_corpora(names: tuple[str, str], folder: Path) -> Any:
    frame = pa.Table.from_pylist(rows(names, "corpus"))
    return relscale.fit(frame, x="flops", y="loss", law="power", corpus="corpus", bootstrap=0)


def as_runs(names: tuple[str, str], folder: Path) -> Any:
    table = [row | {"run": f"{row['run']}{name}"} for row, name in zip(rows(names), names * 3, strict=True)]
    return relscale.fit(pa.Table.from_pylist(table), law="power", x="flops", y="loss", run="run", bootstrap=0)


def as_columns(names: tuple[str, str], folder: Path) -> Any:
    table = {"flops": FLOPS, names[0]: [3.0, 2.0, 1.0], names[1]: [6.0, 5.0, 4.0]}
    return relscale.fit(pa.table(table), x="flops", y=list(names), bootstrap=0)


def as_columns_of_a_file(names: tuple[str, str], folder: Path) -> Any:
    table = {"flops": FLOPS, names[0]: [3.0, 2.0, 1.0], names[1]: [6.0, 5.0, 4.0]}
    pa.parquet.write_table(pa.table(table), folder / "t.parquet")
    return relscale.fit(folder / "t.parquet", x="flops", y=list(names), bootstrap=0)


def as_published(names: tuple[str, str], folder: Path) -> Any:
    pa.parquet.write_table(pa.Table.from_pylist(rows(names)), folder / "t.parquet")
    columns = {"training_flops": "flops", "value": "loss"}
    table = {"path": str(folder / "t.parquet"), "columns": columns, "constants": {"metric": "loss"}}
    return read_tables([Table(**table)], "experiment")


def as_checkpoints(names: tuple[str, str], folder: Path) -> Any:
    table = [
        {
            "run": name,
            "model": f"org/{place}",
            "corpus": "web",
            "params": 10,
            "tokens": 10,
            "training_flops": 1e9,
        }
        for place, name in enumerate(names)
    ]
    pa.parquet.write_table(pa.Table.from_pylist(table), folder / "t.parquet")
    return read_checkpoints(folder / "t.parquet")


def as_documents(names: tuple[str, str], folder: Path) -> Any:
    texts = [{"text": f"A text of {place}.", "kind": name} for place, name in enumerate(names)]
    (folder / "t.jsonl").write_text("\n".join(map(json.dumps, texts)))
    documents = read_folder(TextFiles(kind="files", path=str(folder / "t.jsonl"), group="kind"), "texts")
    return documents_table(documents, ["train"] * len(documents))


def as_keys_of_yaml(names: tuple[str, str], folder: Path) -> Any:
    return parse("".join(f"{json.dumps(name)}: 1\n" for name in names), "suite.yaml")


DOORS: list[Callable[[tuple[str, str], Path], Any]] = [
    *(as_csv, as_json_lines, as_parquet, as_pandas, as_corpora, as_runs, as_columns, as_columns_of_a_file),
    *(as_published, as_checkpoints, as_documents, as_keys_of_yaml),
]


@pytest.mark.parametrize("names", ALIKE.values(), ids=ALIKE)
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_two_names_that_look_alike_are_refused_with_both(
    door: Callable[[tuple[str, str], Path], Any], names: tuple[str, str], tmp_path: Path
) -> None:
    with pytest.raises(RelscaleError, match="look alike; write one name in one way") as error:
        door(names, tmp_path)
    assert_one_sentence(error.value)
    one, other = str(error.value).rpartition(": ")[2].partition(" look alike")[0].split(" and ")
    assert one != other
    assert one.isprintable()
    assert other.isprintable()


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_names_that_differ_in_case_are_two(
    door: Callable[[tuple[str, str], Path], Any], tmp_path: Path
) -> None:
    assert door(("b", "B"), tmp_path) is not None


@pytest.mark.parametrize("names", APART, ids=" ".join)
def test_a_difference_that_shows_is_one(names: tuple[str, str]) -> None:
    check_lookalikes(names, "here")


def test_of_long_names_the_part_that_differs_is_reported() -> None:
    with pytest.raises(RelscaleError) as error:
        check_lookalikes([f"{'long ' * 1000}end", f"{'long ' * 500} {'long ' * 500}end"], "here")
    assert_one_sentence(error.value)
    assert "  long" in str(error.value)
