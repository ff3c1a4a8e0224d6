import shutil

from relscale import provenance
from relscale.provenance import closure, code_digest, digest, folder_digest


def test_a_digest_does_not_depend_on_the_order_of_keys():
    assert digest({"a": 1, "b": [2.0]}) == digest({"b": [2.0], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_a_module_depends_on_what_it_imports_and_on_nothing_else():
    names = closure(["relscale.design.isoflop"])
    assert "relscale.design.architecture" in names
    assert not any(name.startswith(("relscale.training", "relscale.figures")) for name in names)


def test_a_changed_import_changes_the_digest(tmp_path, monkeypatch):
    copy = tmp_path / "relscale"
    shutil.copytree(provenance.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", copy)
    code_digest.cache_clear()
    plan, tables = code_digest("relscale.design.isoflop"), code_digest("relscale.tables")
    with open(copy / "design" / "architecture.py", "a") as file:
        file.write("# a change\n")
    code_digest.cache_clear()
    assert code_digest("relscale.design.isoflop") != plan
    assert code_digest("relscale.tables") == tables
    training = code_digest("relscale.training.run")
    with open(copy / "training" / "cpu" / "native.c", "a") as file:
        file.write("/* a change */\n")
    code_digest.cache_clear()
    assert code_digest("relscale.training.run") != training
    code_digest.cache_clear()


def test_a_folder_is_its_names_and_bytes(tmp_path):
    (tmp_path / "a").write_text("x")
    first = folder_digest(tmp_path)
    (tmp_path / ".hidden").write_text("y")
    assert folder_digest(tmp_path) == first
    (tmp_path / "a").rename(tmp_path / "b")
    assert folder_digest(tmp_path) != first


def test_no_stage_depends_on_the_code_of_a_later_one():
    stages = {
        "corpora": "relscale.corpora.build",
        "tokens": "relscale.tokens.build",
        "training": "relscale.training.job",
        "scoring": "relscale.scoring.job",
        "measurements": "relscale.measurements.collect",
        "fitting": "relscale.fitting.fit",
    }
    names = [*stages, "figures", "table_fit"]
    for stage, module in stages.items():
        later = {f"relscale.{name}" for name in names[names.index(stage) + 1 :]}
        assert not {name for name in closure([module]) if ".".join(name.split(".")[:2]) in later}
