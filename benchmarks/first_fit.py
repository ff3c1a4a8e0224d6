"""How long it takes, from an empty environment, to a law fitted to one's own table, and how large the installation is.

    python benchmarks/first_fit.py [TABLE.csv] [--cold]

Builds the wheel, and runs the two commands of a new user in an empty environment: ``pip install relscale`` (of that
wheel) and ``relscale fit TABLE --report``. Seconds of the clock and of the processor, and megabytes on the disk.
The same installation before that fills pip's cache, unless ``--cold``. Needs a package registry.

Takes some 40 s of processor time; quoted in docs/explanation/performance.md.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from command_line import command_line
from timed_command import Seconds, timed

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("table", nargs="?", type=Path, default=ROOT / "reference" / "olmo_ladder_mmlu.csv")
    parser.add_argument("--cold", action="store_true", help="install once only, from an empty cache")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        build: list[Path | str] = [
            sys.executable,
            "-m",
            "build",
            "--no-isolation",
            "--wheel",
            "--outdir",
            folder,
            ROOT,
        ]
        subprocess.run(build, check=True, capture_output=True)
        (wheel,) = folder.glob("*.whl")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        variables = inherited | {"PIP_CACHE_DIR": str(folder / "cache"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        if not options.cold:
            install(environment(folder / "first"), wheel, variables)
        python = environment(folder / "venv")
        empty = site_packages(python)
        before = {path.name for path in empty.iterdir()}
        empty_size, empty_blocks = size(empty), blocks(empty)
        table = Path(shutil.copy(options.table, folder))
        command = [python.with_name("relscale"), "fit", table.name, "--report", "report.html"]
        installed, fitted = install(python, wheel, variables), timed(command, folder, inherited)
        both = installed[0] + fitted[0], installed[1] + fitted[1]
        print("| command | seconds | processor seconds |\n|---|---|---|")
        for name, (wall, cpu) in {
            "pip install relscale": installed,
            "relscale fit": fitted,
            "both": both,
        }.items():
            print(f"| {name} | {wall:.1f} | {cpu:.1f} |")
        added = [path for path in empty.iterdir() if path.name not in before]
        bytecode = sum(size(path) for top in added for path in top.rglob("*.pyc"))
        print(
            f"\n{size(empty) - empty_size:.0f} MB of files (10⁶ bytes) were installed, of which {bytecode:.0f} MB are "
            "bytecode that pip compiles from the others; in blocks of this disk, "
            f"{blocks(empty) - empty_blocks:.0f} MB. The empty environment had {empty_size:.0f} MB. The largest:"
        )
        for path in sorted(added, key=size, reverse=True)[:10]:
            print(f"  {size(path):6.1f} MB {path.name}")


def environment(folder: Path) -> Path:
    """The Python of an empty environment."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder / "bin" / "python"


def site_packages(python: Path) -> Path:
    (found,) = (python.parents[1] / "lib").glob("python*/site-packages")
    return found


def install(python: Path, wheel: Path, variables: dict[str, str]) -> Seconds:
    return timed([python, "-m", "pip", "install", "--quiet", wheel], wheel.parent, variables)


def size(path: Path) -> float:
    """Megabytes (10⁶ bytes) of the files below a path."""
    return sum(each.lstat().st_size for each in [path, *path.rglob("*")]) / 1e6


def blocks(path: Path) -> float:
    """Megabytes (10⁶ bytes) that they take on the disk, whole blocks counted."""
    return sum(each.lstat().st_blocks for each in [path, *path.rglob("*")]) * 512 / 1e6


if __name__ == "__main__":
    main()
