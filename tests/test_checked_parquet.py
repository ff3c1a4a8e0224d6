"""Parquet files that carry the digest of their bytes."""

import random
from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet
import pytest

from relscale.errors import Damaged
from relscale.storage.checked_parquet import read_parquet
from relscale.storage.tables import open_table, read_table, write_pieces, write_table

TABLE = pa.table({"value": [number / 7 for number in range(500)], "group": ["a", "b"] * 250})


@pytest.fixture
def path(tmp_path):
    write_table(TABLE, tmp_path / "table.parquet")
    return tmp_path / "table.parquet"


def test_other_readers_read_what_is_written_here(path):
    assert pyarrow.parquet.read_table(path).equals(TABLE)


def test_a_table_in_pieces_is_read_whole_by_row_group_and_as_a_data_set(tmp_path):
    write_pieces([TABLE, TABLE], TABLE.schema, tmp_path / "table.parquet")
    both = pa.concat_tables([TABLE, TABLE])
    assert read_table(tmp_path / "table.parquet").equals(both)
    assert open_table(tmp_path / "table.parquet").to_table().equals(both)


def test_what_others_write_is_read_here(tmp_path):
    pyarrow.parquet.write_table(TABLE, tmp_path / "theirs.parquet")
    assert read_table(tmp_path / "theirs.parquet").equals(TABLE)
    assert read_parquet(tmp_path / "theirs.parquet", ["value"]).equals(TABLE.select(["value"]))


def test_a_flipped_bit_anywhere_is_noticed(path):
    whole = path.read_bytes()
    for bit in random.Random(0).sample(range(8 * len(whole)), 300):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with suppress(Damaged):
            assert read_table(path).equals(TABLE)


@pytest.mark.parametrize("left", [0, 3, 11, 12, 0.5, -1])
@pytest.mark.parametrize("read", [read_table, open_table])
def test_a_file_that_was_cut_is_named(path, left, read):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(left * len(whole)) if isinstance(left, float) else left])
    with pytest.raises(Damaged, match=r"table\.parquet: damaged"):
        read(path)


def test_a_folder_that_looks_like_a_partition_adds_no_column(tmp_path):
    (tmp_path / "group=x").mkdir()
    write_table(TABLE, tmp_path / "group=x" / "table.parquet")
    assert read_table(tmp_path / "group=x" / "table.parquet").equals(TABLE)


def test_columns_come_in_the_requested_order_and_one_that_is_missing_is_named(path):
    names = read_parquet(path).column_names
    assert read_parquet(path, names[::-1]).column_names == names[::-1]
    with pytest.raises(Damaged, match="no column absent"):
        read_parquet(path, ["absent"])


def test_a_file_that_is_not_there_is_not_called_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_parquet(tmp_path / "none.parquet")
