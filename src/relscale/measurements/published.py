"""Published and user-supplied tables: any table with one row per number is converted to measurements."""

import importlib
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from relscale.compute_columns import SCALES, check_no_logarithm, check_same_units
from relscale.errors import RelscaleError
from relscale.measurements.measurement import MEASUREMENTS, SHARE
from relscale.measurements.options import Table
from relscale.measurements.quantization import COLUMN
from relscale.measurements.sanity import flag_fewer_items, flag_impossible
from relscale.measurements.status import Status
from relscale.measurements.typed import typed_column
from relscale.provenance import digest, file_digest
from relscale.storage.tables import listed, read_table, shortened

REQUIRED = ("run", "training_flops", "group", "metric", "value")
DEFAULTS: dict[str, Any] = {"corpus": "published", "suite": "published", "prompt": "default", "status": "ok"}


def read_tables(tables: Sequence[Table], experiment: str) -> pa.Table:
    """All tables of an experiment, one after another.

    Parameters
    ----------
    tables
        The section ``runs.tables`` of a config.

    Raises
    ------
    RelscaleError
        A table cannot be read, or two of them contain the same number.
    """
    read = [
        published(table.path, experiment, table.columns, table.constants, table.formats, table.loader)
        for table in tables
    ]
    result = pa.concat_tables(read, promote_options="default")
    key = ["corpus", "optimizer", "run", "step", "suite", "prompt", "group", "metric"]
    counts = result.group_by(key, use_threads=False).aggregate([([], "count_all")])
    twice = counts.filter(pc.greater(counts["count_all"], 1))
    if twice.num_rows:
        row = ", ".join(
            f"{name} {value}" for name, value in twice.to_pylist()[0].items() if name in key and value
        )
        paths = ", ".join(table.path for table in tables)
        raise RelscaleError(
            f"{paths}: {twice['count_all'][0]} rows for {row}; give runs, or suites, different names"
        )
    _check_distinct(tables)
    _check_units(result, ", ".join(table.path for table in tables))
    return flag_fewer_items(result)


def _check_units(measurements: pa.Table, name: str) -> None:
    """Refuse a corpus whose models have compute, parameters or tokens in other units, as when tables differ in them."""
    for corpus in pc.unique(measurements["corpus"]).to_pylist():
        of_corpus = measurements.filter((pc.field("corpus") == corpus) & (pc.field("status") == Status.OK))
        scales = (of_corpus[scale].to_numpy() for scale in SCALES)
        check_same_units(tuple(scales), name if len(name) < 80 else f"corpus {corpus}")


def _check_distinct(tables: Sequence[Table]) -> None:
    """Refuse a file that is read twice in the same way, which would duplicate its numbers."""
    known: dict[str, Path] = {}
    for table in tables:
        path = Path(table.path)
        if not path.is_file():
            continue  # its reader reports the error
        how = digest([file_digest(path), table.columns, table.formats, table.loader])
        if how in known:
            raise RelscaleError(
                f"{known[how]} and {path}: one table is read twice in the same way, so its numbers would be "
                f"duplicated; remove one, or name other columns"
            )
        known[how] = path


def published(
    path: str | Path,
    experiment: str,
    columns: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    formats: Mapping[str, str] | None = None,
    loader: str | None = None,
) -> pa.Table:
    """Read a table as measurements, with the columns of ``relscale.measurements.measurement.MEASUREMENTS``.

    Columns of numbers whose names begin with ``share_`` are kept beside them, for laws of data mixtures, and
    ``quantization``, the number format of the scored weights.

    An invalid number, such as NaN or a loss of 0, remains as a row with a status.

    Parameters
    ----------
    path
        CSV or parquet.
    experiment
        Its name.
    columns
        Names in the table of columns of the measurements that are named differently there.
    constants
        Values of columns that the table lacks, for example ``{"corpus": "dclm"}``.
    formats
        Columns composed of others, for example ``{"run": "{model}-{step}"}``.
    loader
        A module of ``relscale.measurements.sources`` that reads the table, if renaming columns does not suffice.

    Raises
    ------
    RelscaleError
        A column is missing or has the wrong type, or there is no such loader.
    """
    columns, formats = columns or {}, formats or {}
    constants = {**(constants or {}), "experiment": experiment}
    named = columns.keys() | constants.keys() | formats.keys()
    unknown = {name for name in named - {*MEASUREMENTS.names, COLUMN} if not name.startswith(SHARE)}
    if unknown:
        known = ", ".join(MEASUREMENTS.names)
        raise RelscaleError(
            f"{path}: {sorted(unknown)[0]!r} is not a column of measurements; they have {known}"
        )
    parts = {name: _parts(text, path) for name, text in formats.items()}
    needed = [columns.get(name, name) for name in REQUIRED if name not in {**constants, **formats}]
    needed += [*columns.values(), *(part for names in parts.values() for part in names)]
    table = source_module(loader).load(Path(path)) if loader else read_table(path)
    missing = [name for name in needed if name not in table.column_names]
    if missing:
        raise RelscaleError(f"{path}: no column {missing[0]!r}; it has {listed(table.column_names)}")
    if not table.num_rows:
        raise RelscaleError(f"{path}: no rows")

    shares = {name for name in {*named, *table.column_names} if name.startswith(SHARE)}
    formats_of_weights = [pa.field(COLUMN, pa.string())] if COLUMN in {*named, *table.column_names} else []
    share_fields = [pa.field(name, pa.float64()) for name in sorted(shares)]
    schema = pa.schema([*MEASUREMENTS, *share_fields, *formats_of_weights])
    arrays: dict[str, pa.Array] = {}
    for field in schema:
        source = columns.get(field.name, field.name)
        if field.name in constants:
            array = _constant(constants[field.name], table.num_rows, field, path)
        elif field.name in formats:
            array = _formatted(table.select(parts[field.name]), formats[field.name], field, path)
        elif source in table.column_names:
            optional = field.nullable or field.name in DEFAULTS
            place = f"{path}: column {source!r}"
            array = typed_column(table[source], field, place, optional, DEFAULTS.get(field.name))
        elif field.name == "block":
            array = arrays["run"]
        else:
            array = pa.array([DEFAULTS.get(field.name)] * table.num_rows, field.type)
        arrays[field.name] = array
    if "training_flops" not in {**constants, **formats}:
        flops = np.asarray(arrays["training_flops"].to_numpy(zero_copy_only=False), dtype=float)
        check_no_logarithm(columns.get("training_flops", "training_flops"), flops, str(path))
    arrays["status"] = _with_invalid_compute(arrays["status"], arrays["training_flops"])
    return flag_impossible(pa.table(arrays, schema=schema))


def source_module(loader: str) -> Any:
    """The module of a loader.

    Raises
    ------
    RelscaleError
        There is no loader of that name.
    """
    names = loader_names()
    if loader not in names:
        raise RelscaleError(f"no loader {loader!r}; there are {', '.join(names)}")
    return importlib.import_module(f"relscale.measurements.sources.{loader}")


def loader_names() -> list[str]:
    """Names of all loaders: the modules of ``relscale.measurements.sources``."""
    folder = Path(__file__).parent / "sources"
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


def _parts(text: str, path: str | Path) -> list[str]:
    """The columns in a format such as ``{model}-{step}``."""
    try:
        return list(dict.fromkeys(name for _, name, _, _ in string.Formatter().parse(text) if name))
    except (ValueError, TypeError) as error:
        raise RelscaleError(
            f"{path}: {shortened(str(text))!r} is not a format such as '{{model}}-{{step}}' ({error})"
        ) from error


def _constant(value: Any, rows: int, field: pa.Field, path: str | Path) -> pa.Array:
    try:
        column = pa.array([value] * rows, field.type)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise RelscaleError(
            f"{path}: {field.name}: {shortened(str(value))!r} is not of type {field.type}"
        ) from error
    if column.null_count and not field.nullable:
        raise RelscaleError(f"{path}: {field.name}: empty; give it a value")
    return column


def _formatted(table: pa.Table, text: str, field: pa.Field, path: str | Path) -> pa.Array:
    """A text for each row, composed of its columns."""
    try:
        texts = [text.format(**row) for row in table.to_pylist()]
        return pa.array(texts, pa.string()).cast(field.type)
    except (pa.ArrowException, ValueError, TypeError, LookupError, AttributeError) as error:
        raise RelscaleError(
            f"{path}: {field.name}: {shortened(text)!r} cannot be filled in ({shortened(str(error), 80)})"
        ) from error


def _with_invalid_compute(status: Any, training_flops: Any) -> pa.Array:
    """The rows' status; for rows that are otherwise ok, a remark if their compute is not a positive number."""
    statuses = status.to_pylist()
    flops = np.array(training_flops.to_pylist(), dtype=float)
    for row in np.flatnonzero(~(np.isfinite(flops) & (flops > 0))):
        if statuses[row] == Status.OK:
            text = "missing" if np.isnan(flops[row]) else f"{flops[row]:g}"
            statuses[row] = f"{Status.NO_NUMBER}: training_flops is {text}"
    return pa.array(statuses, pa.string())
