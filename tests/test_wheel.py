"""What is installed from a wheel of the sdist works without a clone, with the core's libraries alone."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PathDistribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
CORE = 8  # libraries that the core names itself, at most
TABLE = "compute,group,loss\n" + "".join(
    f"{10 ** (18 + budget):g},{group},{start * fall**budget:.6g}\n"
    for group, start, fall in (("a", 3.1, 0.91), ("b", 4.1, 0.86))
    for budget in range(4)
)

pytestmark = pytest.mark.slow


def needed(found):
    """The names of the libraries that a distribution needs here, without its extras."""
    lines = map(Requirement, found.requires or ())
    return {line.name for line in lines if line.marker is None or line.marker.evaluate({"extra": ""})}


def with_all_they_need(names):
    """Distributions of this environment by name, and of what they need in turn."""
    found = {}
    while names:
        found |= {name: distribution(name) for name in names}
        names = {further for name in names for further in needed(found[name])} - found.keys()
    return found.values()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The command of an environment with the wheel and the core's libraries, which are linked from this environment."""
    pytest.importorskip("build", reason="the wheel is built with build and hatchling")
    pytest.importorskip("hatchling", reason="the wheel is built with build and hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)  # an sdist, and a wheel of that
    (wheel,) = folder.glob("*.whl")
    (metadata,) = (top for top in zipfile.Path(wheel).iterdir() if top.name.endswith(".dist-info"))
    core = needed(PathDistribution(metadata))
    assert len(core) <= CORE
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    for found in with_all_they_need(core):
        for top in {file.parts[0] for file in found.files} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(found.locate_file(top))
    python = folder / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-compile", wheel]
    subprocess.run(pip, check=True, capture_output=True)  # refused if a library of the core were not there
    return python.with_name("relscale")


@pytest.fixture(scope="module")
def relscale(installed, tmp_path_factory):
    """Runs a command of it in a folder that has nothing but a table."""
    folder = tmp_path_factory.mktemp("empty")
    (folder / "own.csv").write_text(TABLE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(*arguments):
        command = [installed, *arguments]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)

    run.folder = folder
    return run


def test_a_table_is_fitted_and_reported(relscale):
    done = relscale("fit", "own.csv", "--report", "own.html")
    assert done.returncode == 0, done.stderr
    assert "a closes" in done.stdout
    assert "1 gap closes" in (relscale.folder / "own.html").read_text()


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("atlas critical_batch", "numbers agree"),  # of the published tables
        ("datasets olmo_ladder", "olmo_ladder_mmlu.csv"),
        ("plan paper", "255 runs"),
        (
            "collect reference --output m.parquet",
            "",
        ),  # reads tables that lie beside the config in the package
    ],
)
def test_what_comes_with_relscale_is_read_from_the_package(relscale, command, shown):
    done = relscale(*command.split())
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


@pytest.mark.parametrize(
    ("command", "extras"),
    [
        ("run reference", "workflow"),
        ("run laptop", "workflow,train,score"),
        ("vocabulary laptop --output v", "train"),
    ],
)
def test_what_is_missing_is_said_as_the_command_that_brings_it(relscale, command, extras):
    done = relscale(*command.split())
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.endswith(f"pip install 'relscale[{extras}]'")


def test_what_a_fit_wrote_beside_a_table_is_not_packed(tmp_path):
    wheels = pytest.importorskip("hatchling.builders.wheel", reason="the wheel is built with hatchling")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    tables = tmp_path / "reference"
    tables.mkdir()
    for name in ("known.csv", "known.fits.parquet"):
        (tables / name).touch()
    packed = [
        file.distribution_path
        for file in wheels.WheelBuilder(str(tmp_path)).recurse_selected_project_files()
        if "known" in file.distribution_path
    ]
    assert packed == ["relscale/files/reference/known.csv"]
