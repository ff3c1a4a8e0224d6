"""From nothing to a fitted law on one's own table: seconds, processor seconds, and what the core takes on the disk.

    python benchmarks/first_fit.py [TABLE.csv] [--cold]

Builds the wheel, and in an empty folder with an empty environment runs the two commands of a new user, ``pip install
relscale`` (of that wheel) and ``relscale fit TABLE --report``. Before that the same installation fills pip's cache,
unless ``--cold``. Needs a package registry.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", nargs="?", type=Path, default=ROOT / "reference" / "olmo_ladder_mmlu.csv")
    parser.add_argument("--cold", action="store_true", help="install once only, from an empty cache")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT]
        subprocess.run(build, check=True, capture_output=True)
        (wheel,) = folder.glob("*.whl")
        cache = {"PIP_CACHE_DIR": str(folder / "cache"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        if not options.cold:
            install(environment(folder / "first"), wheel, cache)
        python = environment(folder / "venv")
        empty = site_packages(python)
        before = {path.name for path in empty.iterdir()}
        empty_size, empty_blocks = size(empty), blocks(empty)
        table = shutil.copy(options.table, folder)
        rows = [("pip install relscale", *install(python, wheel, cache))]
        command = [python.with_name("relscale"), "fit", Path(table).name, "--report", "report.html"]
        rows.append(("relscale fit", *timed(command, folder, {})))
        print("| command | seconds | processor seconds |\n|---|---|---|")
        for name, wall, cpu in [*rows, ("both", *(sum(row[i] for row in rows) for i in (1, 2)))]:
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


def install(python: Path, wheel: Path, cache: dict[str, str]) -> tuple[float, float]:
    return timed([python, "-m", "pip", "install", "--quiet", wheel], wheel.parent, cache)


def timed(command: list[Path | str], folder: Path, variables: dict[str, str]) -> tuple[float, float]:
    """Wall and processor seconds of a command, which must succeed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    started, before = time.perf_counter(), os.times()
    subprocess.run(command, cwd=folder, env=inherited | variables, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - started, cpu


def size(path: Path) -> float:
    """Megabytes (10⁶ bytes) of the files below a path."""
    return sum(each.lstat().st_size for each in [path, *path.rglob("*")]) / 1e6


def blocks(path: Path) -> float:
    """Megabytes (10⁶ bytes) that they take on the disk, whole blocks counted."""
    return sum(each.lstat().st_blocks for each in [path, *path.rglob("*")]) * 512 / 1e6


if __name__ == "__main__":
    main()
