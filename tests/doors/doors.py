"""Every way for data to come in, each with a case that damages them: right, flagged, or one sentence.

A case is a function of a random number generator and an empty folder, and returns an outcome; everything else that
happens, a traceback as much as a number that is silently wrong, is an ``AssertionError`` or another exception.
"""

import atexit
import contextlib
import functools
import io
import json
import math
import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import yaml
from one_sentence import accepted_or_one_sentence, assert_one_sentence, within

import relscale
from doors.damage import (
    NO_NUMBERS,
    TEXTS,
    Row,
    as_csv,
    as_file,
    as_json_lines,
    damaged_bytes,
    damaged_rows,
    odd_cell,
)

with contextlib.suppress(ImportError):
    import pandas  # noqa: F401, which Arrow would load while the clock runs

RIGHT, FLAGGED, REFUSED = "right", "flagged", "one sentence"
Door = Callable[[random.Random, Path], str]

FLOPS = [1e18, 3e18, 1e19, 3e19, 1e20, 3e20]
SLOPES = {"easy": 0.09, "hard": 0.05}
GROUPS = list(SLOPES)


def exact_rows() -> list[Row]:
    """Two groups on exact power laws: whichever points are left out, the slopes of the others are these."""
    return [
        {
            "flops": flops,
            "group": group,
            "loss": level * (flops / 1e20) ** -SLOPES[group],
            "n": flops**0.5,
            "d": 1e9,
        }
        for flops in FLOPS
        for group, level in zip(GROUPS, (1.0, 2.0), strict=True)
    ]


# One law on any table


def table_file(rng: random.Random, folder: Path) -> str:
    """A table as a file: CSV, JSON lines or parquet."""
    mild = rng.random() < 0.4  # only what must not change the numbers of the other rows
    rows, wrong = _with_holes(rng) if mild else (damaged_rows(exact_rows(), rng), None)
    path = _written(rows, rng, folder, damage=not mild)
    return _fit(path, rng, wrong) if rng.random() < 0.9 else _shell(path)


def _shell(path: Path) -> str:
    """The same by the command ``relscale fit``: exit code 1 and a line, or 0 and a table."""
    from relscale.cli import main

    output, said, complaint = path.parent / "fits.parquet", io.StringIO(), io.StringIO()
    arguments = ["--law", "power", "--residual", "linear", "--x", "flops", "--y", "loss", "--group", "group"]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complaint):
        code = main(["fit", str(path), *arguments, "--output", str(output)])
    assert output.is_file() == (code == 0), f"exit code {code}, output: {output.is_file()}"
    assert {file.name for file in path.parent.iterdir()} <= {path.name, output.name}
    if code:
        assert_one_sentence(complaint.getvalue().rstrip("\n"))
        return REFUSED
    assert said.getvalue().strip()
    return RIGHT


def table_frame(rng: random.Random, folder: Path) -> str:
    """A table in memory: pandas, Arrow, polars where it is installed, a numpy array with named columns."""
    mild = rng.random() < 0.4
    rows, wrong = _with_holes(rng) if mild else (damaged_rows(exact_rows(), rng), None)
    frame = rng.choice([_arrow, _pandas, _pandas, _numpy, _polars])(rows, rng)
    return _fit(frame, rng, wrong)


def _with_holes(rng: random.Random) -> tuple[list[Row], int]:
    """Rows of which a few have no number, and how many."""
    rows = exact_rows()
    wrong = rng.sample(range(len(rows)), rng.choice([0, 1, 1, 2]))
    for row in wrong:
        rows[row][rng.choice(["loss", "flops"])] = rng.choice(NO_NUMBERS)
    return rows, len(wrong)


def _fit(table: Any, rng: random.Random, wrong: int | None) -> str:
    """Fit a law; where all but ``wrong`` rows are as they were, the slopes must be the known ones."""
    law: dict[str, Any] = {"law": "power", "x": "flops", "residual": "log" if wrong else "linear"}
    if rng.random() < 0.1:
        law = {"law": "relative", "x": "flops", "baseline": "hard"}
    elif wrong is None and rng.random() < 0.2:
        law = {"law": rng.choice(["parametric", "annealing"]), "x": ["n", "d"]}
    runs = ["flops", "loss"] if wrong else "flops"  # several runs may have no compute
    found = accepted_or_one_sentence(
        lambda: relscale.fit(table, y="loss", group="group", run=runs, bootstrap=0, **law)
    )
    if found is None:
        return REFUSED
    assert str(found).strip()
    rows = found.fits.to_pylist()
    _whole(rows)
    flagged = [row["status"] for row in found.measurements.to_pylist() if row["status"] != "ok"]
    if wrong is not None:
        assert len(flagged) == wrong, f"{wrong} rows without a number, {len(flagged)} flagged"
        for row in rows:
            slope = row["parameter"] in ("alpha", "beta") and row["value"]
            assert not slope or math.isclose(slope, SLOPES[row["group"]], abs_tol=1e-5), row
    return FLAGGED if flagged or any(row["status"] != "ok" for row in rows) else RIGHT


def _whole(rows: Sequence[Row]) -> None:
    """No parameter is missing without a reason."""
    silent = [row for row in rows if row["value"] is None and row["status"] == "ok"]
    assert not silent, f"no value and no reason: {silent[0]}"


def _written(rows: list[Row], rng: random.Random, folder: Path, damage: bool) -> Path:
    ending = rng.choice([".csv", ".csv", ".tsv", ".jsonl", ".parquet"])
    if ending == ".parquet":
        path = folder / f"table{rng.choice([ending, ending, '', '.csv']) if damage else ending}"
        pa.parquet.write_table(_arrow(rows, rng), path)
        if damage and rng.random() < 0.7:
            path.write_bytes(damaged_bytes(path.read_bytes(), rng))
        return path
    if damage:
        text = as_json_lines(rows, rng) if ending == ".jsonl" else as_csv(rows, rng)
        data, ending = as_file(text, ending, rng)
    else:
        data, ending = _whole_file(rows, ending, rng)
    path = folder / f"table{ending}"
    path.write_bytes(data)
    return path


def _with_thousands(cell: object) -> object:
    return f"{cell:,}" if isinstance(cell, int | float) else cell


def _whole_file(rows: list[Row], ending: str, rng: random.Random) -> tuple[bytes, str]:
    """Any form that says the same."""
    from doors.damage import PACKERS

    names = rng.sample(list(rows[0]), len(rows[0]))
    rows = rng.sample(rows, len(rows))
    if ending == ".jsonl":
        lines = [json.dumps({name: row[name] for name in names}) for row in rows]
    else:
        between = "\t" if ending == ".tsv" else rng.choice([",", ";", "|"])
        forms: list[Callable[[Any], Any]] = [str, str, _with_thousands]
        number = rng.choice(forms)
        cells = [["" if row[name] is None else number(row[name]) for name in names] for row in rows]
        quoted = [[f'"{cell}"' if "," in cell else cell for cell in line] for line in cells]
        lines = [between.join(line) for line in [names, *quoted]]
    text = rng.choice(["", "", "# written by a program\n" if ending == ".csv" else ""])
    text += rng.choice(["\n", "\r\n"]).join([*lines, ""])
    data = text.encode(rng.choice(["utf-8", "utf-8-sig", "utf-16"]))
    packing = rng.choice(["", "", *PACKERS])
    return (PACKERS[packing](data) if packing else data), ending + packing


def _columns(rows: list[Row]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _arrow(rows: list[Row], rng: random.Random) -> pa.Table:
    """Each column of one of the types that it fits into."""
    columns = {}
    for name, cells in _columns(rows).items():
        kinds = [None, pa.float64(), pa.string(), pa.large_string(), pa.string_view(), pa.decimal256(60, 10)]
        for kind in rng.sample(kinds, len(kinds)):
            try:
                texts = kind is not None and "string" in str(kind)
                column = pa.array([None if c is None else str(c) if texts else c for c in cells], kind)
            except (pa.ArrowException, OverflowError, UnicodeError, TypeError, ValueError):
                continue
            if rng.random() < 0.2 and pa.types.is_string(column.type):
                column = column.dictionary_encode()
            columns[name] = column
            break
        else:
            columns[name] = pa.array([json.dumps(cell) for cell in cells])
    return pa.table(columns)


def _pandas(rows: list[Row], rng: random.Random) -> Any:
    import pandas

    frame = pandas.DataFrame(_columns(rows), dtype=object)
    match rng.randrange(8):
        case 0 | 1:
            convert = [frame.infer_objects, frame.convert_dtypes, lambda: frame.map(str).astype("str")]
            with contextlib.suppress(
                UnicodeEncodeError
            ):  # pandas' own texts hold no half of a surrogate pair
                return rng.choice(convert)()
        case 2:
            return frame.set_index(rng.choice([["flops"], ["group"], ["flops", "group"]]))
        case 3:
            frame["group"] = frame["group"].map(str).astype("category")
        case 4:
            frame.index = pandas.Index(rng.choices(range(3), k=len(frame)))
        case 5:
            frame[0], frame[("a", "b")], frame[None] = 1, 2, 3
        case 6:
            frame["when"] = pandas.Timestamp("2026-01-01", tz="Asia/Tokyo")
            frame["list"] = [[1]] * len(frame)
    return frame


def _numpy(rows: list[Row], rng: random.Random) -> Any:
    columns = _columns(rows)
    result = np.empty(len(rows), dtype=[(name, object) for name in columns])
    for name, cells in columns.items():
        result[name] = cells
    return result


def _polars(rows: list[Row], rng: random.Random) -> Any:
    try:
        import polars
    except ImportError:
        return _arrow(rows, rng)
    try:
        return polars.DataFrame(_columns(rows), strict=False)
    except (polars.exceptions.PolarsError, TypeError, OverflowError):
        return polars.DataFrame({name: list(map(str, cells)) for name, cells in _columns(rows).items()})


# Tables of an experiment


def published_table(rng: random.Random, folder: Path) -> str:
    """``runs: {source: measurements}``: tables as they were published, and the run matrices that fits are made of."""
    from relscale.fitting.curves.run_matrix import run_matrices
    from relscale.measurements.measurement import MEASUREMENTS
    from relscale.measurements.options import Table
    from relscale.measurements.published import read_tables

    extra = {
        "step": 5,
        "items": 100,
        "bytes": 1e3,
        "stderr": 0.01,
        "status": "ok",
        "corpus": "web",
        "optimizer": None,
    }
    chosen = rng.sample(list(extra), rng.randrange(4))
    rows = [row | {name: extra[name] for name in chosen} for row in exact_rows()]
    mild = rng.random() < 0.3
    rows = rows if mild else damaged_rows(rows, rng)
    path = _written(rows, rng, folder, damage=not mild)
    options: Row = {
        "path": str(path),
        "columns": {"training_flops": "flops", "value": "loss"},
        "constants": {"metric": "bits_per_byte", **({} if "corpus" in chosen else {"corpus": "web"})},
        "formats": {"run": rng.choice(["{flops}", "{flops:.3g}", "{n}-{flops}", "{flops"])},
    }
    if not mild and rng.random() < 0.2:
        options[rng.choice(["constants", "formats", "columns"])][rng.choice(MEASUREMENTS.names)] = rng.choice(
            [odd_cell(rng), "loss", "{loss!x}", "{0}", "{loss.real}"]
        )

    def read() -> tuple[pa.Table, Any]:
        table = read_tables([Table.model_construct(**options)], "experiment")
        return table, run_matrices(table)

    found = accepted_or_one_sentence(read)
    if found is None:
        return REFUSED
    table, of_table = found
    assert table.schema.equals(MEASUREMENTS)
    for row in table.to_pylist():
        usable = row["value"] is not None and math.isfinite(row["value"])
        assert usable or row["status"] != "ok", f"no number and ok: {row}"
    if mild:
        expected = sorted(row["loss"] for row in exact_rows())
        assert np.allclose(
            sorted(np.concatenate([one.values.ravel() for one in of_table])), expected, rtol=1e-12
        )
    return RIGHT if set(table["status"].to_pylist()) == {"ok"} else FLAGGED


def measurements_file(rng: random.Random, folder: Path) -> str:
    """``relscale fit`` on measurements: all tables of a fit, or none."""
    from relscale.cli import main

    rows = [
        {
            "corpus": "web",
            "run": f"r{row['flops']:g}",
            "suite": "s",
            "metric": "bits_per_byte",
            "status": "ok",
        }
        | {"training_flops": row["flops"], "params": row["n"], "tokens": row["d"]}
        | {"group": row["group"], "value": row["loss"]}
        for row in exact_rows()[:8]
    ]
    path = _written(damaged_rows(rows, rng), rng, folder, damage=True)
    said, complaint = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complaint), within(20):
        code = main(["fit", str(path), "--output", str(folder / "fits")])
    assert (folder / "fits").is_dir() == (code == 0)
    assert {file.name for file in folder.iterdir()} <= {path.name, "fits"}
    if code:
        assert_one_sentence(complaint.getvalue().rstrip("\n"))
        return REFUSED
    _whole(pa.parquet.read_table(folder / "fits" / "fits.parquet").to_pylist())
    return RIGHT


BUDGETS = [1e18, 3e18, 1e19, 3e19, 1e20]
SHARES = [0.25, 0.5, 1.0, 2.0, 4.0]  # of the compute-optimal tokens


def isoflop_rows() -> list[Row]:
    """Runs on exact parabolas of the loss in ln tokens, whose minima are at 20 tokens per parameter."""
    return [
        {
            "budget": budget,
            "flops": budget,
            "n": budget / 6 / (share * _optimal(budget)),
            "d": share * _optimal(budget),
            "loss": 3 * (budget / 1e19) ** -0.05 + 0.02 * math.log(share) ** 2,
        }
        for budget in BUDGETS
        for share in SHARES
    ]


def _optimal(budget: float) -> float:
    return math.sqrt(20 * budget / 6)


def frontier_table(rng: random.Random, folder: Path) -> str:
    """``relscale frontier``: runs by budget and size."""
    mild = rng.random() < 0.4
    rows = isoflop_rows()
    if mild:
        for place in rng.sample(range(len(rows)), rng.choice([0, 1, 2])):
            rows[place][rng.choice(["loss", "flops", "d"])] = rng.choice(NO_NUMBERS)
    path = _written(rows if mild else damaged_rows(rows, rng), rng, folder, damage=not mild)
    found = accepted_or_one_sentence(
        lambda: relscale.frontier(path, flops="flops", params="n", tokens="d", loss="loss", budget="budget")
    )
    if found is None:
        assert not mild, "two rows without a number, and nothing is said of the others"
        return REFUSED
    assert str(found).strip()
    fine = [row for row in found.optima if row["status"] == "ok"]
    for row in fine:
        assert math.isfinite(row["tokens"]), row
        assert not mild or math.isclose(row["tokens"], _optimal(row["budget"]), rel_tol=1e-6), row
    return RIGHT if len(fine) == len(BUDGETS) else FLAGGED


def extrapolated_table(rng: random.Random, folder: Path) -> str:
    """``relscale extrapolate``: rows that are known and rows that are asked for."""
    mild = rng.random() < 0.4
    rows = [
        {"flops": flops, "group": group, "split": "known" if step < 12 else "ahead"}
        | {"loss": level * (flops / 1e20) ** -SLOPES[group]}
        for step, flops in enumerate(10 ** (18 + 0.25 * k) for k in range(14))
        for group, level in zip(GROUPS, (1.0, 2.0), strict=True)
    ]
    lost = rng.random() < 0.5
    if mild and lost:
        rows[-1]["flops"] = rng.choice([None, float("nan"), float("inf")])
    path = _written(rows if mild else damaged_rows(rows, rng), rng, folder, damage=not mild)
    found = accepted_or_one_sentence(
        lambda: relscale.extrapolate(
            path, y="loss", x={"training_flops": "flops"}, train='split == "known"', group=["group"]
        ),
        seconds=30,
    )
    if found is None:
        assert not mild, "a row without a predictor, and there is no forecast of the other"
        return REFUSED
    assert str(found).strip()
    ahead = found.rows["forecast"].to_numpy(float)
    if not mild:
        return RIGHT if np.isfinite(ahead).all() else FLAGGED
    assert np.isfinite(ahead).sum() == 4 - lost
    assert not lost or "have no forecast" in str(found)
    known = np.isfinite(ahead)
    assert np.allclose(ahead[known], found.rows["loss"].to_numpy(float)[known], rtol=0.05)
    return FLAGGED if lost else RIGHT


def forecasts_on_record(rng: random.Random, folder: Path) -> str:
    """``relscale score-forecasts``: a record of forecasts that somebody kept, or edited."""
    from relscale.fitting.fits import read
    from relscale.fitting.forecasts.record import score_record

    fits, record = _recorded()
    path = folder / record.name
    data = record.read_bytes()
    path.write_bytes(data if rng.random() < 0.1 else damaged_bytes(data, rng))
    found = accepted_or_one_sentence(lambda: score_record(path, read(fits)))
    if found is None:
        return REFUSED
    for row in found:
        assert row.log_error is None or math.isfinite(row.log_error), row
    return RIGHT


@functools.cache
def _recorded() -> tuple[Path, Path]:
    """A fit, and the record in CSV of what it forecasts, made once."""
    from relscale.cli import main

    folder = Path(tempfile.mkdtemp(prefix="relscale-record-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    rows = [row | {"loss": row["loss"] * (1 + 0.01 * (n % 3))} for n, row in enumerate(exact_rows())]
    fit = relscale.fit(pa.Table.from_pylist(rows), x="flops", y="loss", group="group", baseline="hard")
    fit.write(folder / "fits")
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["forecast", str(folder / "fits"), "--record", str(folder / "record.csv")]) == 0
    return folder / "fits", folder / "record.csv"


def checkpoint_table(rng: random.Random, folder: Path) -> str:
    """``runs: {source: checkpoints}``: the table of models."""
    from relscale.scoring.checkpoint_table import read_checkpoints

    rows: list[Row] = [
        {
            "model": f"org/model-{i}",
            "corpus": "web",
            "params": 10**i,
            "tokens": 1e9,
            "training_flops": 6e9 * 10**i,
        }
        for i in range(3, 7)
    ]
    extra = {
        "run": "a",
        "revision": "main",
        "seed": 1,
        "step": 100,
        "block": "b",
        "status": "ok",
        "optimizer": "adam",
    }
    for name in rng.sample(list(extra), rng.randrange(4)):
        for i, row in enumerate(rows):
            row[name] = f"{extra[name]}{i}" if name == "run" else extra[name]
    mild = rng.random() < 0.2
    path = _written(rows if mild else damaged_rows(rows, rng), rng, folder, damage=not mild)
    found = accepted_or_one_sentence(lambda: read_checkpoints(path))
    if found is None:
        return REFUSED
    for one in found:
        assert math.isfinite(one.training_flops), one
        assert one.training_flops > 0, one
    if mild:
        assert sorted(one.training_flops for one in found) == sorted(row["training_flops"] for row in rows)
    return RIGHT if all(one.status == "ok" for one in found) else FLAGGED


# Samples that lm-eval logged


def samples(rng: random.Random, folder: Path) -> str:
    """A folder of ``samples_*.jsonl``."""
    from relscale.measurements.samples import read_samples
    from relscale.scoring.manifest import Group, Manifest, Task

    manifest = Manifest(
        "Colours", "", "multiple_choice", "brier", "lower", "one", groups={"one": Group("One")},
        tasks={"colours": Task("one", "cloze", "hue")},
    )  # fmt: skip
    lines: list[Any] = [_sample(i) for i in range(4)]
    for _ in range(rng.choice([0, 1, 1, 2])):
        _damage_tree(rng.choice(lines), rng)
    text = as_json_lines(lines, rng)
    data = text.encode("utf-8", "surrogatepass")
    data = damaged_bytes(data, rng) if rng.random() < 0.4 else data
    time = rng.choice(["2026-01-01T00-00-00.000001"] * 5 + ["2026", "x"])
    (folder / f"samples_colours_{time}.jsonl").write_bytes(data)
    if rng.random() < 0.2:
        (folder / f"results_{time}.json").write_bytes(
            rng.choice([b"", b"{}", b"[]", b'{"configs": 3}', b"\xff"])
        )
    found = accepted_or_one_sentence(lambda: read_samples(folder, {"colours": manifest}))
    if found is None:
        return REFUSED
    for row in found.items.to_pylist():
        possible = row["logprob"] is not None and math.isfinite(row["logprob"]) and row["logprob"] <= 0
        assert possible or row["status"] != "ok", f"an impossible log-probability and ok: {row}"
    return RIGHT if set(found.items["status"].to_pylist()) <= {"ok"} else FLAGGED


def _sample(i: int) -> Row:
    choices = ["red", " blue"]
    return {
        "doc_id": i,
        "doc": {"id": f"q{i}", "question": "Which?", "choices": choices},
        "target": str(i % 2),
        "arguments": {
            f"gen_args_{n}": {"arg_0": "Which?\nAnswer:", "arg_1": f" {choice}"}
            for n, choice in enumerate(choices)
        },
        "resps": [[[str(-1.5 - n), "False"]] for n in range(2)],
        "filtered_resps": [[str(-1.5 - n), "False"] for n in range(2)],
        "acc": 1.0,
    }


def _damage_tree(tree: Any, rng: random.Random) -> None:
    """Some value of nested lists and mappings is another, gone or twice there."""
    for _ in range(6):
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(tree[key], dict | list) and rng.random() < 0.6:
            tree = tree[key]
            continue
        match rng.randrange(3):
            case 0:
                tree[key] = odd_cell(rng)
            case 1:
                del tree[key]
            case 2 if isinstance(tree, list):
                tree.append(tree[key])
            case _:
                tree[key] = [tree[key]]
        return


# Text of one's own


def own_text(rng: random.Random, folder: Path) -> str:
    """``kind: files``: a folder of texts and tables with a column of text."""
    from relscale.corpora.files import read_folder
    from relscale.corpora.options import TextFiles

    root = folder / "texts"
    for i in range(rng.choice([0, 1, 2, 3])):
        text = rng.choice([*TEXTS, "a plain text\nof two lines\n", "", "caf\u00e9"])
        path = root / rng.choice(["", "news/", "odd name ?/"]) / f"{i}"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows: list[Row] = [{"text": text, "kind": "news"}, {"text": "another", "kind": None}]
        rows = damaged_rows(rows, rng) if rng.random() < 0.5 else rows
        match rng.randrange(4):
            case 0:
                data, ending = as_file(text, rng.choice([".txt", ".md"]), rng)
            case 1 | 2:
                data, ending = as_file(as_json_lines(rows, rng), ".jsonl", rng)
            case _:
                buffer = pa.BufferOutputStream()
                pa.parquet.write_table(_arrow(rows, rng), buffer)
                data, ending = buffer.getvalue().to_pybytes(), ".parquet"
                data = damaged_bytes(data, rng) if rng.random() < 0.4 else data
        path.with_name(path.name + ending).write_bytes(data)
    group = rng.choice([None, None, "kind", "gone"])
    found = accepted_or_one_sentence(
        lambda: read_folder(TextFiles(kind="files", path=str(root), group=group), "texts")
    )
    if found is None:
        return REFUSED
    assert all(isinstance(one.text, str) and one.group for one in found)
    return RIGHT


# Suites of one's own


def suite_folder(rng: random.Random, folder: Path) -> str:
    """A folder with ``suite.yaml``, tasks of lm-eval's and their data; what is prepared is whole or not there."""
    import lm_eval.tasks  # noqa: F401, before the clock runs

    from relscale.scoring.options import Suite
    from relscale.scoring.requests import read_requests
    from relscale.scoring.suite import prepare_suite

    suite = folder / "suite"
    (suite / "tasks").mkdir(parents=True)
    rows: list[Row] = [
        {"question": f"Which {n}?", "choices": ["one", "two"], "answer": n % 2} for n in range(6)
    ]
    told: Row = {
        "title": "Mine", "description": "Two tasks.", "kind": "multiple_choice", "metric": "bits_per_byte_answer_mean",
        "direction": "lower", "baseline": "a", "groups": {"a": {"label": "A"}, "b": {"label": "B"}},
        "tasks": {"task_a": {"group": "a"}, "task_b": {"group": "b"}},
    }  # fmt: skip
    tasks: dict[str, Row] = {
        name: {
            "task": name, "output_type": "multiple_choice", "dataset_path": "json", "test_split": "test",
            "dataset_kwargs": {"data_files": {"test": str(suite / "rows.jsonl")}},
            "doc_to_text": "{{question}}", "doc_to_choice": "{{choices}}", "doc_to_target": "{{answer}}",
        }
        for name in told["tasks"]
    }  # fmt: skip
    part = rng.choice(["suite", "task", "rows", "bytes", "bytes"])
    if part == "suite":
        _damage_tree(told, rng)
    if part == "task":
        _damage_tree(tasks["task_a"], rng)
    rows = damaged_rows(rows, rng) if part == "rows" else rows
    files = {"suite.yaml": yaml.safe_dump(told), "rows.jsonl": "\n".join(map(json.dumps, rows))}
    files |= {f"tasks/{name}.yaml": yaml.safe_dump(task) for name, task in tasks.items()}
    damaged = rng.choice(list(files)) if part == "bytes" else None
    for name, text in files.items():
        data = text.encode("utf-8", "surrogatepass")
        (suite / name).write_bytes(damaged_bytes(data, rng) if name == damaged else data)
    output = folder / "prepared"
    found = accepted_or_one_sentence(
        lambda: prepare_suite("mine", Suite(path=str(suite)), [], output, seed=0), seconds=30
    )
    assert output.exists() == (found is not None), "half of a suite was written"
    assert not list(folder.glob(".*partial*"))
    if found is None:
        return REFUSED
    items = [item for requests in read_requests(output) for item in requests]
    assert items, "a suite without an item"
    return RIGHT


# Checkpoints


def checkpoint_folder(rng: random.Random, folder: Path) -> str:
    """A model's folder as it was downloaded: configuration, weights, tokenizer."""
    from lm_eval.api.instance import Instance

    from relscale.scoring.engine import Engine

    model = folder / "model"
    shutil.copytree(_tiny_checkpoint(), model)
    path = rng.choice(sorted(model.iterdir()))
    if path.suffix == ".json" and rng.random() < 0.6:
        tree = json.loads(path.read_text())
        _damage_tree(tree, rng)
        path.write_text(json.dumps(tree))
    elif rng.random() < 0.15:
        path.unlink()
    else:
        path.write_bytes(damaged_bytes(path.read_bytes(), rng))
    asked = [Instance("loglikelihood", {}, (context, " and more"), 0) for context in ("some text", "")]
    found = accepted_or_one_sentence(
        lambda: Engine(model, device="cpu", batch_tokens=256).loglikelihood(asked), seconds=30
    )
    if found is None:
        return REFUSED
    assert len(found) == len(asked)
    return RIGHT if all(math.isfinite(logprob) and logprob <= 0 for logprob, _ in found) else FLAGGED


@functools.cache
def _tiny_checkpoint() -> Path:
    """A random model of one layer and a tokenizer of bytes, made once."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    folder = Path(tempfile.mkdtemp(prefix="relscale-tiny-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: i for i, letter in enumerate([*letters, "<end>"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer, tokenizer.decoder = (
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        decoders.ByteLevel(),
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<end>", eos_token="<end>", pad_token="<end>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, intermediate_size=32, max_position_embeddings=64,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


DOORS: dict[str, Door] = {
    door.__name__: door
    for door in (
        *(table_file, table_frame, published_table, measurements_file, checkpoint_table, samples, own_text),
        *(frontier_table, extrapolated_table, forecasts_on_record),
        *(suite_folder, checkpoint_folder),
    )
}
