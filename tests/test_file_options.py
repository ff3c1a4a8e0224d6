"""Files of an option stand for names: in their order, and none for another's."""

from pathlib import Path

import pytest

from relscale.commands.inputs import by_name, suite_files
from relscale.errors import RelscaleError
from relscale.experiments.results import Results
from relscale.figures.suite import stated_suite

NAMES = ("knowledge", "varieties")
EXPECTED = [Path(f"results/suites/{name}/suite.yaml") for name in NAMES]


def test_files_stand_for_names_in_their_order() -> None:
    assert by_name("--suites", NAMES, None, EXPECTED) == dict(zip(NAMES, EXPECTED, strict=True))
    elsewhere = [Path(f"/data/{name}/suite.yaml") for name in NAMES]
    assert by_name("--suites", NAMES, elsewhere, EXPECTED) == dict(zip(NAMES, elsewhere, strict=True))
    copies = [Path("a/suite.yaml"), Path("b/suite.yaml")]
    assert by_name("--suites", NAMES, copies, EXPECTED) == dict(zip(NAMES, copies, strict=True))


def test_files_in_another_order_are_refused() -> None:
    with pytest.raises(
        RelscaleError, match=r"varieties/suite\.yaml belongs to varieties .* knowledge, varieties$"
    ):
        by_name("--suites", NAMES, EXPECTED[::-1], EXPECTED)


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(RelscaleError, match="--suites: 1 files; give 2, in this order: knowledge, varieties"):
        by_name("--suites", NAMES, EXPECTED[:1], EXPECTED)


def test_a_file_that_the_experiment_does_not_have_is_refused() -> None:
    with pytest.raises(
        RelscaleError, match="--suites: the experiment has no such files; leave the option out"
    ):
        by_name("--suites", [], EXPECTED[:1], [])


def test_a_manifest_of_another_name_is_refused_as_it_would_not_be_read(tmp_path) -> None:
    results = Results(tmp_path)
    with pytest.raises(
        RelscaleError, match=r"^--suites: \S*other\.yaml: name the file suite\.yaml in the folder"
    ):
        suite_files(["varieties"], [tmp_path / "varieties/other.yaml"], results)
    own = tmp_path / "varieties/suite.yaml"
    assert suite_files(["varieties"], [own], results) == {"varieties": own}
    with pytest.raises(RelscaleError, match=r"other\.yaml: name the file suite\.yaml"):
        stated_suite(tmp_path / "other.yaml")
