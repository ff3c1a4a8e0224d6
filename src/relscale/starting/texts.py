"""A config for text of one's own: models trained on a mixture of folders, and how the gap between them moves.

Budgets are chosen for a time: four, each twice the one before, at widths around the compute-optimal one. That is taken
from the default experiment, where it grows from 13 at 1e11 training FLOPs to 55 at 2e12.
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
from relscale.storage.process import cores
from relscale.training.options import Training

VOCABULARY = 2048
SEQUENCE = 256
BYTES_PER_TOKEN = 3.0  # of a vocabulary of 2,048 on prose and code; fewer than either has
MOST_EPOCHS = 4.0  # Muennighoff et al., arXiv 2305.16264: repeated so often, text is nearly as good as new
BUDGETS = 4
REFERENCE_FLOPS, REFERENCE_WIDTH, EXPONENT = 1e11, 13.5, 0.48
NARROWEST = 4
FEWEST_WIDTHS = 3  # for a parabola
AROUND = (0.5, 0.8, 1.25, 2.0)  # times the expected optimum
STEP = 10**0.1  # of the largest budget, as it is tried
LARGEST, SMALLEST = 1e14, 1e10  # training FLOPs
OVERHEAD = 80.0  # seconds of all other stages, on two cores
STARTUP = 5.0  # seconds in which a training job imports its libraries
FEWEST_BYTES = 40_000  # of a folder: a held-out part of ten documents, and something to learn from
FEW_DOCUMENTS = 400  # with fewer, single documents would decide what is held out
PIECE = 2000  # characters of a document, where few long texts are cut
HARDWARE = Hardware(flops_per_second=7.4e10, seconds_per_token=6.6e-6)


@dataclass(frozen=True)
class Texts:
    """The texts of a folder.

    Attributes
    ----------
    name, path
        What it is called in the config, and where it is.
    files, size
        How many text files, and their bytes.
    is_table
        Whether a file of it is a table, which may have any number of documents.
    """

    name: str
    path: Path
    files: int
    size: int
    is_table: bool

    @property
    def is_cut(self) -> bool:
        """Whether its texts are cut into pieces."""
        return not self.is_table and self.files < FEW_DOCUMENTS


@dataclass(frozen=True)
class Budgets:
    """A grid of runs, and what it takes.

    Attributes
    ----------
    budgets
        Training FLOPs, from small to large.
    widths
        Of each.
    epochs
        How often the largest run sees the text.
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
        What the experiment may take.
    name
        Of the experiment.
    folder
        Where the config will be.

    Raises
    ------
    RelscaleError
        A folder is not there or has too little text; there is one group alone.
    """
    texts = scan_texts(paths)
    budgets = budgets_for(
        minutes, sum(text.size for text in texts), len(texts), min(text.size for text in texts)
    )
    return _config(texts, budgets, minutes, name, folder)


def scan_texts(paths: Sequence[Path]) -> list[Texts]:
    """The texts of folders; the sub-folders of a single one are its groups.

    Raises
    ------
    RelscaleError
        As `texts_config`.
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

    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    files = [file for file in files if ending(file) in TEXT_ENDINGS + TABLE_ENDINGS]
    is_table = any(ending(file) in TABLE_ENDINGS for file in files)
    return Texts(name, path, len(files), sum(file.stat().st_size for file in files), is_table)


def budgets_for(minutes: float, size: int, groups: int = 2, smallest: int | None = None) -> Budgets:
    """The largest budgets that fit a time on this machine, and that the text is enough for.

    Parameters
    ----------
    minutes
        Of the experiment.
    size
        Bytes of text, of all groups.
    groups
        How many share each run's tokens.
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
    """The time that jobs take on some workers, the longest job first.

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
    """A large number as a person writes it: 1.6e10."""
    return f"{value:g}".replace("e+", "e")


def _config(texts: Sequence[Texts], budgets: Budgets, minutes: float, name: str, folder: Path) -> str:
    lines = [
        schema_line(folder),
        f"# How does the gap between {' and '.join(text.name for text in texts)} move with training compute?",
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
            "  # max_characters cuts texts into documents, since single files would decide what is held out"
        )
    lines += [
        "",
        "corpora: # what models are trained on; one per source, such as {source: NAME}, compares training on each",
        f"  mixture: {{parts: [{', '.join(f'{{source: {quoted(text.name)}, weight: 1}}' for text in texts)}]}}",
        "",
        f"vocabulary: {{size: {VOCABULARY}}}",
        "",
        "design:",
        "  recipe: laptop",
        "  flop_accounting: training # budgets count forward and backward FLOPs",
        f"  sequence_length: {SEQUENCE}",
        f"  budgets: [{', '.join(map(number, budgets.budgets))}]",
        "  widths: # around the optimum that is expected; if a parabola has no minimum, add widths on the side it says",
        *(
            f"    {number(budget)}: [{', '.join(map(str, widths))}]"
            for budget, widths in zip(budgets.budgets, budgets.widths, strict=True)
        ),
        "",
        "# For expected times alone: what one core of a 2021 server does; `relscale doctor --steps` measures yours.",
        f"hardware: {{flops_per_second: {number(HARDWARE.flops_per_second)}, "
        f"seconds_per_token: {HARDWARE.seconds_per_token:g}}}",
    ]
    if budgets.epochs > 1:
        lines += [
            "",
            f"# The largest run sees the text {budgets.epochs:.1f} times; more text would be better.",
            f"training: {{max_epochs: {2 * math.ceil(budgets.epochs)}}}",
        ]
    lines += [
        "",
        "suites:",
        "  domains: # bits per byte of held-out documents, by source",
        f"    baseline: {quoted(texts[0].name)} # the others are compared with it",
        "    documents: 200 # at most, per source",
        "",
        "figures: [relative-law, isoflop, frontier, exponents]",
        "",
    ]
    return "\n".join(lines)
