"""What results are digested by: data, and the code that can change a number."""

import re
import sys
from types import SimpleNamespace

import pytest
from forgotten_digests import forget, forget_versions

from relscale import identity, provenance
from relscale.provenance import closure, code_digest, digest, folder_digest, libraries, reason_excluded

ENTRIES = [
    "relscale.corpora.build",
    "relscale.tokens.corpus",
    "relscale.training.run",
    "relscale.scoring.job",
    "relscale.commands.collect:run",
    "relscale.fitting.fit",
    "relscale.commands.plot:run",
]

SECTIONS = ("corpora", "design", "fitting", "measurements", "release", "scoring", "tokens", "training")


def digests():
    forget()
    return {entry: code_digest(entry) for entry in ENTRIES}


@pytest.fixture(scope="module")
def unedited():
    """The digests of the package, which are those of a copy of it."""
    return digests()


def not_counted():
    """The modules that say of themselves that they change no number, with their reasons."""
    modules = (
        ".".join(("relscale", *path.relative_to(provenance.PACKAGE).with_suffix("").parts))
        for path in provenance.PACKAGE.rglob("*.py")
    )
    reasons = {
        name: reason_excluded(name) for name in (module.removesuffix(".__init__") for module in modules)
    }
    return {name: reason for name, reason in reasons.items() if reason}


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_digest_does_not_depend_on_the_order_of_keys():
    assert digest({"a": 1, "b": [2.0]}) == digest({"b": [2.0], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_a_folder_is_its_names_and_bytes(tmp_path):
    (tmp_path / "a").write_text("x")
    first = folder_digest(tmp_path)
    (tmp_path / ".hidden").write_text("y")
    assert folder_digest(tmp_path) == first
    (tmp_path / "a").rename(tmp_path / "b")
    assert folder_digest(tmp_path) != first


def test_a_module_depends_on_what_it_imports_and_on_nothing_else():
    names = closure(["relscale.design.isoflop"])
    assert "relscale.design.architecture" in names
    assert not any(name.startswith(("relscale.training", "relscale.figures")) for name in names)


@pytest.mark.slow
def test_a_comment_or_a_docstring_anywhere_changes_no_digest(package, unedited):
    for path in package.rglob("*.py"):
        text = path.read_text()
        path.write_text(
            f'"""Another docstring."""\n# A comment.\n{text}\n"""And a text below."""\n# The end.\n'
        )
        # `from __future__` has to come first, and no module has it.
    assert digests() == unedited


@pytest.mark.slow
def test_an_edited_formula_changes_the_digests_of_what_imports_it_and_no_others(package, unedited):
    plan, tables = code_digest("relscale.design.isoflop"), code_digest("relscale.storage.tables")
    path = package / "design" / "architecture.py"
    (number,) = set(re.findall(r"return (\d+) \*", path.read_text())[:1])
    edit(path, f"return {number} *", f"return {int(number) + 1} *")
    after = digests()
    assert code_digest("relscale.design.isoflop") != plan
    assert code_digest("relscale.storage.tables") == tables
    changed = {entry for entry in ENTRIES if after[entry] != unedited[entry]}
    assert {"relscale.training.run"} <= changed <= {"relscale.training.run", "relscale.commands.collect:run"}


@pytest.mark.slow
def test_what_only_moves_bytes_may_be_edited(package, unedited):
    for module in not_counted():
        path = provenance._file(module)
        path.write_text(path.read_text() + "\nEDITED = 1\n")
    assert digests() == unedited


@pytest.mark.slow
def test_a_module_counts_unless_it_says_why_not_as_a_plain_text(package):
    module, importer = "relscale.errors", "relscale.storage.json_lines"
    line = f'CHANGES_NO_NUMBER = "{reason_excluded(module)}"'
    before = code_digest(importer), code_digest(module)
    for other in ('CHANGES_NO_NUMBER = "another reason"', 'CHANGES_NO_NUMBER = ""', "NOTHING_SAID = 1"):
        edit(package / "errors.py", line, other)
        forget()
        counts = "another" not in other
        assert (module in closure([importer])) == counts
        assert ((code_digest(importer), code_digest(module)) != before) == counts
        line = other


@pytest.mark.slow
def test_another_version_of_the_package_changes_no_digest(package, unedited):
    edit(package / "__init__.py", '__version__ = "', '__version__ = "9.')
    assert digests() == unedited


@pytest.mark.slow
def test_a_module_that_moves_bytes_counts_where_it_is_requested(package):
    before = code_digest("relscale.commands.collect:run", "relscale.storage.tables")
    edit(package / "storage" / "columns.py", "_THOUSANDS", "_GROUPED")
    forget()
    assert code_digest("relscale.commands.collect:run", "relscale.storage.tables") != before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("library", "stages"),
    [
        ("torch", ["relscale.training.run", "relscale.scoring.job"]),
        ("transformers", ["relscale.scoring.job"]),
        ("lm_eval", ["relscale.scoring.job", "relscale.commands.collect:run"]),
        ("tokenizers", ["relscale.tokens.corpus"]),
        ("scipy", ["relscale.fitting.fit"]),
        ("numpy", ["relscale.training.run", "relscale.fitting.fit", "relscale.commands.collect:run"]),
        ("plotly", ["relscale.figures.isoflop"]),
    ],
)
def test_another_version_of_a_library_that_computes_is_seen(library, stages, monkeypatch):
    before = {stage: code_digest(stage) for stage in stages}
    distribution, other = provenance.distribution, SimpleNamespace(read_text=lambda _: "Version: 0.0\n")
    monkeypatch.setattr(
        provenance, "distribution", lambda name: other if name == library else distribution(name)
    )
    forget_versions()
    after = {stage: code_digest(stage) for stage in stages}
    forget_versions()
    assert not [stage for stage in stages if after[stage] == before[stage]]


@pytest.mark.slow
def test_a_fit_does_not_depend_on_the_library_that_trains():
    names = {each.partition("==")[0] for each in libraries("relscale.fitting.fit")}
    assert "torch" not in names
    assert "numpy" in names


@pytest.mark.slow
def test_every_library_that_counts_is_known_by_its_version():
    optional = {"liger_kernel==none"}
    found = {each for entry in ENTRIES for each in libraries(entry)}
    assert not {each for each in found if each.endswith("==none")} - optional


@pytest.mark.slow
def test_files_of_data_beside_a_module_count(package):
    forget()
    owner = {
        file: [name for name in closure([*ENTRIES, *_figures()]) if file in provenance._part(name).data]
        for file in package.rglob("*")
        if file.suffix in (".c", ".csv", ".json", ".npy") and "suites" not in file.parts
    }
    assert owner
    for file, names in owner.items():
        assert names, f"{file}: no module that counts names it"
    of_least_code = {file: min(names, key=lambda name: len(closure([name]))) for file, names in owner.items()}
    for file, name in of_least_code.items():
        before = code_digest(name)
        file.write_bytes(file.read_bytes() + b" ")
        forget()
        assert code_digest(name) != before


def _figures():
    from relscale.figures.registry import figures

    return [figure.module for figure in figures().values()]


@pytest.mark.slow
def test_a_number_that_a_developer_raises_makes_anew(monkeypatch):
    forget()
    before = code_digest("relscale.training.run")
    other = code_digest("relscale.scoring.job")
    monkeypatch.setitem(identity.REVISIONS, "relscale.training.run", 1)
    forget()
    assert code_digest("relscale.training.run") != before
    assert code_digest("relscale.scoring.job") == other


@pytest.mark.slow
def test_code_and_libraries_that_are_said_to_give_the_same_numbers_keep_results(package, monkeypatch):
    forget()
    before, was = code_digest("relscale.training.run"), provenance.source_digest("relscale.training.run")
    edit(package / "training" / "schedule.py", "def ", "def _another(): ...\ndef ")
    forget()
    assert code_digest("relscale.training.run") != before
    monkeypatch.setitem(identity.SAME_NUMBERS, provenance.source_digest("relscale.training.run"), was)
    forget()
    assert code_digest("relscale.training.run") == before

    version = provenance.version
    monkeypatch.setattr(provenance, "version", lambda name: "9.9" if name == "torch" else version(name))
    monkeypatch.setitem(identity.SAME_NUMBERS, "torch==9.9", f"torch=={version('torch')}")
    forget()
    assert code_digest("relscale.training.run") == before


def test_every_module_that_says_it_changes_no_number_is_read_so():
    said = {path for path in provenance.PACKAGE.rglob("*.py") if "\nCHANGES_NO_NUMBER =" in path.read_text()}
    assert said == {provenance._file(name) for name in not_counted()}


def test_a_library_that_is_left_out_is_no_part_of_python():
    assert not set(identity.NON_COMPUTING_LIBRARIES) & sys.stdlib_module_names


def test_what_is_left_out_is_outside_the_packages_whose_results_are_numbers():
    """Pure Python can count too, so a place says more of a module than its imports."""
    free = {"commands", "experiments", "storage", "workflow"}
    in_training = {
        *("interruption", "key", "metrics_logger", "numerical_path", "ownership", "progress"),
    }
    for module in not_counted():
        package, _, name = module.removeprefix("relscale").removeprefix(".").rpartition(".")
        assert package in free | {""} or (package == "training" and name in in_training), module
        assert provenance._file(module).name != "__init__.py" or module == "relscale", module


def test_what_is_left_out_can_compute_nothing():
    """It imports no library that computes and no module that counts, but for the exceptions named here."""
    forget()
    counting = {
        "relscale.storage.tables": {
            "relscale.storage.columns",
            "relscale.storage.json_lines",
            "relscale.storage.text_file",
        },  # users' own tables
        "relscale.training.metrics_logger": {
            "relscale.design.run",
            "relscale.training.fabric",
        },  # what it logs
        "relscale.training.ownership": {"relscale.training.state"},  # the name of a file
        "relscale.commands.inputs": {"relscale.scoring.manifest"},  # the name of a file
        "relscale.experiments.references": {"relscale.tokens.options"},  # the types of what it checks
        # The types of what is grouped.
        "relscale.workflow.jobs": {"relscale.design.run", "relscale.scoring.checkpoint_table"},
        # The types of its sections, and the plan and the table, which count where their rows are used.
        "relscale.experiments.experiment": {
            *(f"relscale.{stage}.options" for stage in SECTIONS),
            *("relscale.design.isoflop", "relscale.design.run", "relscale.scoring.checkpoint_table"),
            "relscale.design.mixtures",  # corpora, whose values are digested wherever they count
            # The tokens of a streamed corpus, a parameter of its rule.
            *("relscale.tokens.interleave", "relscale.training.branches"),
        },
    }
    computing = {
        "relscale.gpu": {"torch"},  # asks it for a device
        "relscale.training.metrics_logger": {"lightning"},  # its loggers
        "relscale.storage.rows": {"numpy"},  # numbers that are not finite become null
    }
    deciding = {
        "relscale",
        "relscale.experiments.config",
        "relscale.training.key",
        "relscale.training.progress",
    }
    left_out = set(not_counted())
    for module in left_out - deciding:
        part = provenance._part(module)
        names = {provenance._module(name) for name in part.imports} - {"", *provenance._packages(module)}
        assert names - left_out <= counting.get(module, set()), module
        foreign = {name.partition(".")[0] for name in part.imports if provenance._computes(name)}
        assert foreign <= computing.get(module, set()), module


def test_a_function_that_is_gone_is_an_error():
    with pytest.raises(ValueError, match="'no_such_function'"):
        code_digest("relscale.commands.collect:no_such_function")
    with pytest.raises(ValueError, match=r"relscale\.no_such_module"):
        code_digest("relscale.no_such_module")


@pytest.mark.slow
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
