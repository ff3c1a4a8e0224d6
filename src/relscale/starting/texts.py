"""Template of a config for the user's text: models trained on a mixture of folders, and the gap between these.

Budgets are chosen to fit a given time: four, each twice the previous one, at widths around the compute-optimal width,
which in the default experiment increases from 13 at 1e11 training FLOPs to 55 at 2e12.
"""

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from relscale.design.isoflop import plan
from relscale.design.options import Design, Hardware
from relscale.design.placement import place
from relscale.errors import RelscaleError
from relscale.starting.parts import distinct_names, quoted, relative, schema_line
from relscale.storage.folder_files import files_below
from relscale.storage.process import cores
from relscale.training.options import Training

VOCABULARY = 2048
SEQUENCE = 256
BYTES_PER_TOKEN = 3.0  # lower bound for a vocabulary of 2,048 on prose and code
MOST_EPOCHS = (
    4.0  # up to 4 epochs, repeated text is nearly as good as new (Muennighoff et al., arXiv 2305.16264)
)
BUDGETS = 4
REFERENCE_FLOPS, REFERENCE_WIDTH, EXPONENT = 1e11, 13.5, 0.48
NARROWEST = 4
FEWEST_WIDTHS = 3  # for a parabola
AROUND = (0.5, 0.8, 1.25, 2.0)  # widths relative to the expected optimum
STEP = 10**0.1  # factor between candidates for the largest budget
LARGEST, SMALLEST = 1e14, 1e10  # training FLOPs
OVERHEAD = 80.0  # seconds of all other stages, on two cores
STARTUP = 5.0  # seconds that a training job takes to import its libraries
FEWEST_BYTES = 40_000  # per folder: enough for ten held-out documents and some training text
FEW_DOCUMENTS = 400  # with fewer, the held-out part would consist of a few whole files
PIECE = 2000  # characters per document if a few long texts are split
HARDWARE = Hardware(flops_per_second=7.4e10, seconds_per_token=6.6e-6)


@dataclass(frozen=True)
class Texts:
    """The texts of a folder.

    Attributes
    ----------
    name, path
        Name in the config, and path.
    files, size
        Number of text files, and their total bytes.
    is_table
        Whether one of the files is a table, which may contain any number of documents.
    """

    name: str
    path: Path
    files: int
    size: int
    is_table: bool

    @property
    def is_cut(self) -> bool:
        """Whether its texts are split into several documents."""
        return not self.is_table and self.files < FEW_DOCUMENTS


@dataclass(frozen=True)
class Budgets:
    """A grid of runs, with its epochs and expected time.

    Attributes
    ----------
    budgets
        Training FLOPs, from small to large.
    widths
        Widths of each budget.
    epochs
        Number of passes of the largest run over the text.
    seconds
        Expected time of all stages on this machine.
    """

    budgets: tuple[float, ...]
    widths: tuple[tuple[int, ...], ...]
    epochs: float
    seconds: float


def texts_config(paths: Sequence[Path], minutes: float, name: str, folder: Path) -> str:
    """The config, as text with comments.

    Parameters
    ----------
    paths
        Folders or files of text, one per group; a single folder has a sub-folder per group.
    minutes
        Time limit of the experiment.
    name
        Name of the experiment.
    folder
        Folder of the config.

    Raises
    ------
    RelscaleError
        A folder is missing or has too little text, or there is only one group.
    """
    texts = scan_texts(paths)
    budgets = budgets_for(
        minutes, sum(text.size for text in texts), len(texts), min(text.size for text in texts)
    )
    return _config(texts, budgets, name, folder)


def scan_texts(paths: Sequence[Path]) -> list[Texts]:
    """The texts of folders; the sub-folders of a single one are its groups.

    Raises
    ------
    RelscaleError
        For the same reasons as `texts_config`.
    """
    if not paths:
        raise RelscaleError("texts: name two folders of text, or one with a sub-folder per group")
    for path in paths:
        if not path.exists():
            raise RelscaleError(
                f"{path}: no such file or folder; name folders of .txt, .md, .jsonl or .parquet"
            )
    if len(paths) == 1:
        below = sorted(child for child in paths[0].iterdir() if child.is_dir()) if paths[0].is_dir() else []
        paths = [folder for folder in below if not folder.name.startswith(".")]
        if len(paths) < 2:
            raise RelscaleError(
                "texts: a gap is between two groups of text; name two folders, or one with two sub-folders"
            )
    loaded = [_texts(name, path) for name, path in zip(distinct_names(paths), paths, strict=True)]
    for text in loaded:
        if text.size < FEWEST_BYTES:
            raise RelscaleError(
                f"{text.path}: {text.size:,} bytes of text in {text.files} files; a group needs "
                f"{FEWEST_BYTES:,} at least"
            )
    return loaded


def _texts(name: str, path: Path) -> Texts:
    from relscale.corpora.files import TABLE_ENDINGS, TEXT_ENDINGS, ending

    files = [path] if path.is_file() else [file for file in files_below(path) if file.is_file()]
    files = [file for file in files if ending(file) in TEXT_ENDINGS + TABLE_ENDINGS]
    is_table = any(ending(file) in TABLE_ENDINGS for file in files)
    return Texts(name, path, len(files), sum(file.stat().st_size for file in files), is_table)


def budgets_for(minutes: float, size: int, groups: int = 2, smallest: int | None = None) -> Budgets:
    """The largest budgets that fit the time on this machine and for which there is enough text.

    Parameters
    ----------
    minutes
        Time limit of the experiment.
    size
        Total bytes of text of all groups.
    groups
        Number of groups that share each run's tokens.
    smallest
        Bytes of the smallest group (default: an equal share), which is repeated most.
    """
    seconds = max(60 * minutes - OVERHEAD, 15.0)
    tokens = (size / groups if smallest is None else smallest) * groups * 0.85 / BYTES_PER_TOKEN
    grids = [_grid(SMALLEST * STEP**k, tokens) for k in range(1 + round(math.log10(LARGEST / SMALLEST) * 10))]
    grids = [grid for grid in grids if min(map(len, grid.widths)) >= FEWEST_WIDTHS]
    fitting = [grid for grid in grids if grid.seconds <= seconds and grid.epochs <= MOST_EPOCHS]
    best = fitting[-1] if fitting else grids[0]
    return Budgets(best.budgets, best.widths, best.epochs, best.seconds + OVERHEAD)


def _grid(largest: float, tokens: float) -> Budgets:
    budgets = tuple(float(f"{largest / 2**k:.2g}") for k in reversed(range(BUDGETS)))
    widths = tuple(_widths(budget) for budget in budgets)
    design = Design(
        recipe="laptop",
        flop_accounting="training",
        sequence_length=SEQUENCE,
        budgets=budgets,
        widths={f"{budget:g}": budget_widths for budget, budget_widths in zip(budgets, widths, strict=True)},
    )
    by_budget: dict[float, float] = dict.fromkeys(budgets, STARTUP)
    runs = plan(["mixture"], design, VOCABULARY, 0)
    for run in runs:
        by_budget[run.budget] += place(run, HARDWARE, Training()).seconds
    return Budgets(
        budgets, widths, max(run.tokens for run in runs) / tokens, makespan(by_budget.values(), cores())
    )


def _widths(budget: float) -> tuple[int, ...]:
    best = REFERENCE_WIDTH * (budget / REFERENCE_FLOPS) ** EXPONENT
    step = 2 if best < 16 else 4
    return tuple(sorted({max(NARROWEST, step * round(best * factor / step)) for factor in AROUND}))


def makespan(seconds: Iterable[float], workers: int) -> float:
    """Total time of jobs on a number of workers, if the longest jobs start first.

    Examples
    --------
    >>> makespan([4, 3, 2, 1], 2)
    5.0
    """
    loads = [0.0] * workers
    for duration in sorted(seconds, reverse=True):
        heapq.heapreplace(loads, loads[0] + duration)
    return max(loads)


def number(value: float) -> str:
    """A large number in short notation: 1.6e10."""
    return f"{value:g}".replace("e+", "e")


def _config(texts: Sequence[Texts], budgets: Budgets, name: str, folder: Path) -> str:
    lines = [
        schema_line(folder),
        f"# How does the gap between {' and '.join(text.name for text in texts)} change with training compute?",
        f"# Expected to take {budgets.seconds / 60:.0f} min on {cores()} cores; `relscale plan` lists the runs, "
        "`relscale run` trains, scores, fits and reports.",
        f"experiment: {quoted(name)}",
        "seed: 0",
        "",
        "sources: # folders of .txt and .md, or of .jsonl and .parquet with a column `text` (or `text: COLUMN`)",
    ]
    for text in texts:
        cut = f", max_characters: {PIECE}" if text.is_cut else ""
        lines.append(
            f"  {quoted(text.name)}: {{kind: files, path: {quoted(relative(text.path, folder))}, "
            f"domain: {quoted(text.name)}{cut}}} # {text.size / 1e6:.1f} MB in {text.files} files"
        )
    if any(text.is_cut for text in texts):
        lines.append(
            "  # max_characters splits texts into documents, so that the held-out part is not just a few whole files"
        )
    lines += [
        "",
        "corpora: # training data; to compare training on each source, add corpora such as NAME: {source: NAME}",
        f"  mixture: {{parts: [{', '.join(f'{{source: {quoted(text.name)}, weight: 1}}' for text in texts)}]}}",
        "",
        f"vocabulary: {{size: {VOCABULARY}}}",
        "",
        "design:",
        "  recipe: laptop",
        "  flop_accounting: training # budgets count forward and backward FLOPs",
        f"  sequence_length: {SEQUENCE}",
        f"  budgets: [{', '.join(map(number, budgets.budgets))}]",
        "  widths: # around the expected optimum; if a parabola has no minimum, add widths as the report advises",
        *(
            f"    {number(budget)}: [{', '.join(map(str, widths))}]"
            for budget, widths in zip(budgets.budgets, budgets.widths, strict=True)
        ),
        "",
        "# Used only for expected times: one core of a 2021 server; `relscale doctor --steps` measures this machine.",
        f"hardware: {{flops_per_second: {number(HARDWARE.flops_per_second)}, "
        f"seconds_per_token: {HARDWARE.seconds_per_token:g}}}",
    ]
    if budgets.epochs > 1:
        lines += [
            "",
            f"# The largest run makes {budgets.epochs:.1f} passes over the text; more text would be better.",
            f"training: {{max_epochs: {2 * math.ceil(budgets.epochs)}}}",
        ]
    lines += [
        "",
        "suites:",
        "  domains: # bits per byte of held-out documents, by source",
        f"    baseline: {quoted(texts[0].name)} # the group that the others are compared with",
        "    documents: 200 # maximum per source",
        "",
        "figures: [relative-law, isoflop, frontier, exponents]",
        "",
    ]
    return "\n".join(lines)
