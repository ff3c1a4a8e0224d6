"""Builders of suites are found by their files."""

from relscale.scoring import builders
from relscale.scoring.manifest import read_manifest
from relscale.scoring.suite_description import SUITES


def test_every_builder_of_a_shipped_suite_is_a_file_of_one_of_the_two_kinds():
    named = {read_manifest(path.parent).builder for path in SUITES.glob("*/suite.yaml")} - {None}
    assert named == {*builders.documents_builders(), *builders.data_builders()}
    assert not {*builders.documents_builders()} & {*builders.data_builders()}


def test_a_file_in_the_folder_is_a_builder(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "capitals.py").write_text(
        "GROWS = True\n\n\ndef build(data, manifest):\n    return []\n"
    )
    monkeypatch.setattr(builders, "__path__", [*builders.__path__, str(tmp_path)])
    assert "capitals" in builders.data_builders()
    assert "relscale.scoring.builders.data.capitals" in builders.builder_modules()
