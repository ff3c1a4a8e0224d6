"""What holds for the text of every rule."""

import re
from pathlib import Path

import pytest

RULES = sorted((Path(__file__).parents[2] / "workflow" / "rules").glob("*.smk"))
NUMBERS = ("threads",)


def commands(path):
    return re.findall(r"^    shell:\n((?:        .*\n?)+)", path.read_text(encoding="utf-8"), re.MULTILINE)


def test_rules_have_commands():
    assert sum(len(commands(path)) for path in RULES) >= 9


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_every_value_in_a_command_is_quoted_and_no_value_can_be_an_option(path):
    for command in commands(path):
        for before, name in re.findall(r"(\S*?)\{([^{}]+)\}", command):
            assert name in NUMBERS or name.endswith(":q"), name
            is_wildcard = name.startswith("wildcards.")
            assert not is_wildcard or before.endswith("=") or "{wildcards.figure:q}" in command


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_parameters_show_digests_of_what_a_config_says(path):
    """The report has the parameters of rules in its scripts."""
    text = path.read_text(encoding="utf-8")
    for block in re.findall(r"^    params:\n((?:        .*\n?)+)", text, re.MULTILINE):
        for shown in re.findall(r"experiment\.(\w+)", re.sub(r"digest\((?:[^()]|\([^()]*\))*\)", "", block)):
            assert shown == "seed", shown
