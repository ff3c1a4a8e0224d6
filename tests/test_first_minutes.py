"""What a person meets first: the commands there are, what there is to fit and to draw, and what is missing."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import relscale
from relscale import datasets, doctor, extras, listings
from relscale.cli import COMMANDS, VERBS, main, parsers
from relscale.errors import RelscaleError
from relscale.package_files import SNAKEFILE, experiments
from relscale.suggestions import suggestion
from relscale.table_fit.frame import Frame

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fitt",), "relscale: no command 'fitt'; did you mean 'fit'?"),
        (("fit", "t.csv", "--grup", "g"), "relscale fit: no option '--grup'; did you mean '--group'?"),
        (("fit", "t.csv", "--loss", "hubr"), "relscale fit: --loss: no 'hubr'; did you mean 'huber'?"),
        (("laws", "power", "now"), "relscale laws: one argument too many: 'now'"),
        ((), "relscale: name a command"),
    ],
)
def test_a_wrong_command_line_is_one_line_that_names_what_was_meant(capsys, arguments, message):
    assert message in refused(capsys, *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("laws", "relativ"), "no law 'relativ'; did you mean 'relative'?"),
        (("suites", "mmul"), "no suite 'mmul'; did you mean 'mmlu'?"),
        (("figures", "isoflops"), "no figure 'isoflops'; did you mean 'isoflop'?"),
        (("datasets", "olmo-ladder"), "no data set 'olmo-ladder'; did you mean 'olmo_ladder'?"),
        (("run", "refernce"), "did you mean 'reference'?"),
    ],
)
def test_a_mistyped_name_gets_a_suggestion(capsys, arguments, message):
    assert main(arguments) == 1
    assert message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["laws", "suites", "figures", "datasets"])
def test_what_there_is_is_listed_and_each_entry_explained(capsys, verb):
    assert main([verb]) == 0
    listed = capsys.readouterr().out
    entries = next(
        iter(getattr(datasets if verb == "datasets" else listings, verb)().to_arrow().to_pydict().values())
    )
    for entry in entries:
        assert re.search(rf"^{entry}\b", listed, re.MULTILINE)
        assert main([verb, entry]) == 0
        assert capsys.readouterr().out.strip()


def test_every_command_has_a_sentence_in_the_help(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    help_text = capsys.readouterr().out
    assert all(re.search(rf"^  {verb} +\w", help_text, re.MULTILINE) for verb in VERBS)
    assert all(f"{title}:" in help_text for title in COMMANDS)


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"relscale {relscale.__version__}\n"


def test_the_workflow_and_the_experiments_come_with_the_package():
    assert SNAKEFILE.is_file()
    assert {"laptop", "reference", "paper"} <= set(experiments())
    assert all(path.is_file() for path in experiments().values())


def test_each_extra_has_the_modules_of_its_requirements():
    names = {
        "lightning": {"lightning"},
        "lightning-fabric": {"lightning_fabric"},
        "lm-eval": {"lm_eval"},
        "kaleido": {"kaleido", "choreographer"},
        "snakemake-executor-plugin-slurm": {"snakemake"},
        "liger-kernel": {"liger_kernel"},
        "datasets": {"datasets", "huggingface_hub", "fsspec"},
        "transformers": {"transformers", "huggingface_hub"},
    }
    for extra, modules in extras.MODULES.items():
        required = {re.split(r"[<>=\[ ]", line)[0] for line in PROJECT["optional-dependencies"][extra]}
        having = {module for name in required for module in names.get(name, {name.replace("-", "_")})}
        assert set(modules) <= having | {"jinja2"}, extra  # lm-eval brings jinja2


def test_a_missing_library_is_said_as_the_command_that_installs_it(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def absent(options):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    from relscale.commands import score, train

    monkeypatch.setattr(train, "run", absent)
    monkeypatch.setattr(score, "run", absent)
    for verb, extra in (("train", "train"), ("score", "score")):
        arguments = [verb, "c.yaml", "--corpus", "a", "--job", "b", "--output", "x"]
        assert main(arguments) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith(f"needs torch, which is not installed; pip install 'relscale[{extra}]'")


def test_a_missing_library_of_no_extra_is_a_bug_and_keeps_its_traceback():
    with pytest.raises(ModuleNotFoundError), extras.named_extras("this"):
        import relscale_of_tomorrow  # noqa: F401


def test_need_names_the_first_module_that_is_missing(monkeypatch):
    monkeypatch.setitem(extras.MODULES, "pictures", ("numpy",))
    monkeypatch.setitem(extras.MODULES, "workflow", ("numpy", "snake_of_tomorrow"))
    monkeypatch.setitem(extras.MODULES, "train", ("torch_of_tomorrow",))
    with pytest.raises(
        RelscaleError, match=r"the workflow: needs snake_of_tomorrow.*relscale\[workflow,train\]"
    ):
        extras.need("the workflow", "pictures", "workflow", "train")


def test_the_doctor_says_of_each_extra_whether_it_is_there():
    found = {each.component: each for each in doctor.findings()}
    for extra in extras.MODULES:
        assert found[f"extra {extra}"].available == (not extras.missing(extra))
    assert int(found["cores"].detail) >= 1


@pytest.mark.parametrize(
    ("environment", "available", "detail"),
    [
        ({"CC": "no-such-compiler -m64"}, False, "no-such-compiler -m64 does not compile"),
        ({"CC": "'cc"}, False, "CC: No closing quotation"),
        ({"RELSCALE_NATIVE": "0"}, False, "not used (RELSCALE_NATIVE=0)"),
    ],
)
def test_the_doctor_names_the_compiler_that_trainings_use(monkeypatch, environment, available, detail):
    monkeypatch.setattr("relscale.training.numerical_path.has_gpu", lambda: False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (found,) = (each for each in doctor.findings() if each.component == "C compiler")
    assert (found.available, found.detail) == (available, detail)


@pytest.mark.parametrize(
    ("verb", "argument", "name"),
    [
        ("laws", "name", "relative"),
        ("fit", "law", "parametric"),
        ("suites", "name", "mmlu"),
        ("figures", "name", "isoflop"),
        ("datasets", "name", "olmo_ladder"),
        ("ask", "question", "sweep"),
        ("atlas", "names", "broken_law"),
    ],
)
def test_a_shell_completes_names(verb, argument, name):
    (action,) = (each for each in parsers()[1][verb]._actions if each.dest == argument)
    assert name in set(action.completer(prefix="", parsed_args=None))


def test_importing_relscale_imports_no_library():
    code = (
        "import sys, relscale; sys.exit(any(name in sys.modules for name in ('numpy', 'pyarrow', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_suggestion_is_a_near_name_or_the_list():
    assert suggestion("Relative", ["power", "relative"]) == "did you mean 'relative'?"
    assert suggestion("x", ["a", "b"], "it has") == "it has a, b"


def test_a_frame_shows_itself_and_speaks_arrow():
    import pyarrow as pa

    frame = Frame([{"a": 1.0, "b": "<b>"}, {"a": None, "b": "c"}])
    assert "&lt;b&gt;" in frame._repr_html_()
    assert pa.table(frame).to_pylist() == list(frame)
    assert frame.where(b="c")["a"] == [None]
    with pytest.raises(RelscaleError, match="did you mean"):
        Frame([{"group": 1}])["gruop"]


@pytest.mark.slow
def test_what_snakemake_does_not_know_is_said_in_a_line(capsys, monkeypatch):
    from snakemake.cli import get_argument_parser

    from relscale.workflow.snakemake_command import exit_with_error

    monkeypatch.setattr("argparse.ArgumentParser.error", exit_with_error)
    with pytest.raises(SystemExit):
        get_argument_parser().parse_args(["--dry"])
    (line,) = capsys.readouterr().err.splitlines()
    assert "ambiguous option: --dry could match --dry-run" in line


@pytest.mark.slow
def test_each_published_table_is_fitted_by_the_arguments_beside_it():
    for name in ("chinchilla", "isoflop_suite", "olmo_ladder"):
        fitted = relscale.fit(datasets.dataset(name), **datasets.DATASETS[name].fit, bootstrap=0)
        assert fitted.fits.num_rows


def test_chinchillas_table_is_fitted_as_it_was_published():
    # Besiroglu et al. 2024, arXiv 2404.10102, Table 1: their fit to the 240 points, to the digits they print.
    fitted = relscale.fit(datasets.chinchilla(), **datasets.DATASETS["chinchilla"].fit, bootstrap=0)
    found = {row["parameter"]: row["value"] for row in fitted.params.to_arrow().to_pylist()}
    published = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
    assert found == pytest.approx(found | published, rel=0.03)
