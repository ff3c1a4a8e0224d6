"""Configs that are damaged in any way are accepted or refused in one sentence, soon."""

import copy
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from one_sentence import accepted_or_one_sentence

from relscale.experiments.check import check_experiment
from relscale.experiments.config import check_config, load_config

ROOT = Path(__file__).parents[1]
FILES = [
    ROOT / "config.yaml",
    *sorted((ROOT / "experiments").glob("*.yaml")),
    *sorted(ROOT.glob("tests/workflow/*.yaml")),
]
FILES = [path for path in FILES if not path.name.endswith(".pins.yaml")]
STRUCTURAL, TEXTUAL = 60, 60  # cases of each file
CHECKED = 6  # one in so many accepted ones is held against this machine too

ODD: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2.0,
        2.5,
        1e300,
        -1e-300,
        2**31,
        2**63,
        10**40,
        float("nan"),
        float("inf"),
    ),
    *(
        "",
        " ",
        "no",
        "null",
        "~",
        "x",
        "../x",
        "/",
        "~nobody/x",
        "1e3",
        ".inf",
        "2024-01-01",
        "a\nb",
        "\0",
        "é",
        "😀",
        "{x}",
    ),
    *("$(x)", "x" * 3000, "cuda:99", "all"),
    *(
        [],
        [[]],
        [None],
        ["x", "x"],
        [1, "x", None],
        {},
        {"": {}},
        {"x": None},
        {"x": {"y": [1]}},
        {1: 2},
        {None: 1},
    ),
]
TOKENS = [
    *(
        "{",
        "}",
        "[",
        "]",
        ":",
        "- ",
        "? ",
        "&a ",
        "*a",
        "!!int ",
        "!x ",
        "<<: *a",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "'",
        '"',
    ),
    *(
        "|\n",
        ">-\n",
        "\t",
        "\n",
        "\r\n",
        "#",
        ",",
        "@",
        "`",
        "\u2028",
        "\x85",
        "\x00",
        "\x07",
        "\ufeff",
        ".nan",
        ".inf",
    ),
    *("1e999", "0x", "1_000", "no", "~", "null", "=", "2001-01-01 00:00:00", "12:30:45", "é", "\udcff"),
]


@cache
def source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The keys that lead to every value of a config."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path] * bool(path) + [found for key, entry in entries for found in places(entry, (*path, key))]


def at(config: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        config = config[key]
    return config


def damaged(config: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """One to three values replaced, removed, moved, doubled, renamed or wrapped."""
    config = copy.deepcopy(config)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        everywhere = places(config)
        *before, last = rng.choice(everywhere)
        inside = at(config, tuple(before))
        change = rng.randrange(7)
        if change == 0:
            inside[last] = copy.deepcopy(rng.choice(ODD))
        elif change == 1:
            del inside[last]
        elif change == 2:
            inside[last] = copy.deepcopy(at(config, rng.choice(everywhere)))
        elif change == 3 and isinstance(inside, dict):
            inside[rng.choice(["x", "no", 1, 2.5, None, True, f"{last}s", f" {last}"])] = inside.pop(last)
        elif change == 4 and isinstance(inside, list):
            inside.append(copy.deepcopy(inside[last]))
        elif change == 5:
            inside[last] = rng.choice([[inside[last]], {"x": inside[last]}, str(inside[last])])
        else:
            number = inside[last]
            is_number = isinstance(number, int | float) and not isinstance(number, bool)
            inside[last] = number * rng.choice([-1, 0, 1e-9, 1e9, 1e30]) if is_number else rng.choice(ODD)
        if not config:
            break
    return config


def garbled(text: str, rng: random.Random) -> bytes:
    """A file's text with pieces put in, taken out, doubled or moved, or in another encoding."""
    for _ in range(rng.choice([1, 1, 2, 4])):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice([0, 1, 1, 5, 40]))
        lines = text.split("\n")
        number = rng.randrange(len(lines))
        text = rng.choice(
            [
                text[:start] + rng.choice(TOKENS) + text[end:],
                text[:start] + text[end:],
                text[:start],
                text[:start] + text[start:end] * 3 + text[end:],
                "\n".join([*lines[:number], *lines[number : number + 1] * 2, *lines[number + 1 :]]),
                "\n".join([*lines[:number], " " * rng.randrange(1, 4) + lines[number], *lines[number + 1 :]]),
                "\n".join([*lines[:number], *lines[number + 1 :]]),
            ]
        )
    encoding = rng.choice(["utf-8"] * 9 + ["utf-16", "latin-1", "utf-8-sig", "cp1252"])
    data = text.encode(encoding, errors="replace" if encoding != "utf-8" else "surrogateescape")
    if rng.random() < 0.1 and data:
        place = rng.randrange(len(data))
        data = data[:place] + bytes([rng.randrange(256)]) + data[place + 1 :]
    return data


def checked(config: dict[str, Any] | None, number: int) -> None:
    if config is not None and number % CHECKED == 0:
        accepted_or_one_sentence(lambda: check_experiment(config))


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_config_with_other_values(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    rng = random.Random(f"values of {path.stem}")
    whole = yaml.safe_load(source(path))
    for number in range(STRUCTURAL):
        config = damaged(whole, rng)
        checked(accepted_or_one_sentence(lambda config=config: check_config(config, path.name)), number)


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_config_with_other_text(path, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    rng = random.Random(f"text of {path.stem}")
    file = tmp_path / "x.yaml"
    for number in range(TEXTUAL):
        file.write_bytes(garbled(source(path), rng))
        checked(accepted_or_one_sentence(lambda: load_config(file)), number)
