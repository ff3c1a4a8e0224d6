"""Damage to data that arrives at a door: what happens to files on their way, and what people put into cells.

Every function takes a random number generator and returns something damaged; the same seed gives the same damage.
"""

import bz2
import gzip
import json
import lzma
import random
from collections.abc import Callable
from typing import Any

import zstandard

Row = dict[str, Any]

NO_NUMBERS = [
    None,
    float("nan"),
    float("inf"),
    -float("inf"),
    0,
    0.0,
    -1,
    -2.5,
]  # kept, flagged and not fitted
NO_CELLS = [
    True,
    "n/a",
    "diverged",
    "",
    " ",
    "1e21",
    "1,234,567",
    "3,25",
    "0x10",
    "1_000",
    "\u0661",
    [1],
    {"a": 1},
]
EXTREMES = [5e-324, 1e-308, 1e308, 10**400, 2**63, 2**64, -(2**70), 1e21, 10**21, 6 * 10**20 + 1]
TEXTS = [
    "\u2028",
    "a,b",
    'say "x"',
    "two\nlines",
    "tab\t",
    "=1+1",
    "#",
    "NA",
    "\u202e",
    "\ud83d\ude00",
    "x" * 5000,
    "'",
]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "utf-32"]
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}


def damaged_bytes(data: bytes, rng: random.Random) -> bytes:
    """A file cut, with flipped bits, with bytes lost, doubled, set to 0 or put in at random; or emptied."""
    place = rng.randrange(len(data) + 1)
    length = rng.choice([1, 2, 10, 100])
    kinds: list[Callable[[], bytes]] = [
        lambda: b"",
        lambda: data[:place],
        lambda: data[place:],
        lambda: data[:place] + data[place + length :],
        lambda: data[:place] + data[place : place + length] * 2 + data[place + length :],
        lambda: data[:place] + bytes(length) + data[place + length :],
        lambda: data[:place] + rng.randbytes(length) + data[place:],
        lambda: flipped(data, rng),
        lambda: rng.randbytes(rng.choice([1, 50, 2000])),
    ]
    return rng.choice(kinds)()


def flipped(data: bytes, rng: random.Random) -> bytes:
    """One bit is another."""
    if not data:
        return data
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]


def odd_cell(rng: random.Random) -> Any:
    """A value that a cell may hold where a number or a name is expected."""
    return rng.choice([*NO_NUMBERS, *NO_CELLS, *EXTREMES, *TEXTS])


def damaged_rows(rows: list[Row], rng: random.Random) -> list[Row]:
    """Rows as people leave them: odd cells, cells missing, rows twice or gone, columns emptied or alike."""
    rows = [dict(row) for row in rows]
    names = list(rows[0])
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        row, name, other = rng.choice(rows), rng.choice(names), rng.choice(names)
        match rng.randrange(9):
            case 0 | 1 | 2:
                row[name] = odd_cell(rng)
            case 3:
                row.pop(name, None)
            case 4:
                rows.append(dict(row))
            case 5:
                cell = odd_cell(rng)
                for each in rows:
                    each[name] = cell
            case 6:
                for each in rows:
                    each[name], each[other] = each.get(other), each.get(name)
            case 7:
                rows = rng.sample(rows, rng.randrange(1, len(rows) + 1))
            case 8:
                for each in rows:
                    each[name] = str(each.get(name))
    return rows


def as_csv(rows: list[Row], rng: random.Random) -> str:
    """Comma-separated values in one of the forms that programs and people write."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    delimiter = rng.choice([",", ",", ",", ";", "\t", "|"])
    end = rng.choice(["\n", "\n", "\r\n", "\r"])
    lines = [names] + [["" if row.get(name) is None else str(row[name]) for name in names] for row in rows]
    quote = rng.random() < 0.8

    def cell(text: str) -> str:
        special = any(letter in text for letter in f'{delimiter}"\r\n')
        return '"' + text.replace('"', '""') + '"' if special and quote else text

    written = [delimiter.join(map(cell, line)) for line in lines]
    match rng.randrange(12):
        case 0:
            written = [line + delimiter for line in written]
        case 1:
            written.insert(rng.randrange(len(written) + 1), "# a comment")
        case 2:
            written.insert(rng.randrange(len(written) + 1), "")
        case 3:
            written = written[:1]
        case 4:
            written = written[1:]
        case 5:
            written[rng.randrange(len(written))] += f"{delimiter}more"
        case 6:
            written[0] = delimiter.join([*names[:-1], names[0]])
        case 7:
            written = [line.replace(".", ",") if delimiter == ";" else line for line in written]
    return end.join(written) + rng.choice(["", end])


def as_json_lines(rows: list[Row], rng: random.Random) -> str:
    """JSON lines, NaN and infinity as Python writes them; now and then a list, or a line that is no object."""
    lines = [json.dumps(row, ensure_ascii=rng.random() < 0.5) for row in rows]
    match rng.randrange(10):
        case 0:
            return json.dumps(rows)
        case 1:
            lines.insert(rng.randrange(len(lines) + 1), rng.choice(["", "[1]", "3", "null", "{", '{"a":1}']))
        case 2:
            lines = [json.dumps({str(i): row for i, row in enumerate(rows)})]
    return rng.choice(["\n", "\r\n"]).join(lines)


def as_file(text: str, ending: str, rng: random.Random) -> tuple[bytes, str]:
    """The bytes of a text in some encoding and packing, damaged or not, and a name that may not tell the truth."""
    try:
        data = text.encode(rng.choice(["utf-8"] * 6 + ENCODINGS))
    except UnicodeEncodeError:
        data = text.encode("utf-8", "surrogatepass")
    packing = rng.choice([""] * 6 + list(PACKERS))
    data = PACKERS[packing](data) if packing else data
    if rng.random() < 0.25:
        data = damaged_bytes(data, rng)
    if rng.random() < 0.15:
        ending = rng.choice(["", ".csv", ".tsv", ".jsonl", ".parquet", ".json", ".txt", ".xlsx"])
    if rng.random() < 0.1:
        packing = rng.choice(["", *PACKERS])
    return data, f"{ending}{packing}"
