"""Published tables shipped with relscale; ``reference/README.md`` gives their sources."""

from dataclasses import dataclass
from typing import Any

from relscale.arguments import typed
from relscale.errors import RelscaleError
from relscale.package_files import REFERENCE
from relscale.storage.tables import read_table
from relscale.suggestions import suggestion
from relscale.table_fit.frame import Frame

__all__ = ["chinchilla", "gemstones", "isoflop_suite", "olmo_ladder", "overtraining"]


@dataclass(frozen=True)
class Dataset:
    """A published table.

    Attributes
    ----------
    file
        File name in ``reference/``.
    description
        One sentence about the rows.
    source
        Publication.
    fit
        Example arguments for ``relscale.fit``.
    """

    file: str
    description: str
    source: str
    fit: dict[str, Any]


DATASETS = {
    "chinchilla": Dataset(
        "chinchilla_figure4.csv",
        "Loss of 245 models by parameters and tokens, read off Figure 4 of the Chinchilla paper.",
        "Hoffmann et al. 2022, arXiv 2203.15556",
        {
            "law": "parametric",
            "x": ["params", "tokens"],
            "y": "loss",
            "loss": "huber",
            "delta": 1e-3,
            "where": "loss<3.44",  # excludes the five highest, as did the authors who digitised the figure
        },
    ),
    "gemstones": Dataset(
        "gemstones_mmlu.csv.gz",
        "Loss of correct MMLU answers by subject: 22 model shapes, 35 checkpoints each.",
        "Gemstones 2025, arXiv 2502.06857",
        {
            "x": "training_flops",
            "y": "loss",
            "group": "subject",
            "baseline": "high_school_mathematics",
            "run": ["model", "step"],
            "block": "model",
        },
    ),
    "isoflop_suite": Dataset(
        "isoflop_suite.csv",
        "Design and final loss of 255 models: seven compute budgets on each of three corpora.",
        "Held et al. 2025, arXiv 2510.24626",
        {"law": "power", "x": "training_flops", "y": "paloma_macro_loss", "group": "corpus", "run": "run"},
    ),
    "olmo_ladder": Dataset(
        "olmo_ladder_mmlu.csv",
        "Bits per byte of correct MMLU answers by group of subjects: 25 models of 190M to 3B parameters.",
        "OLMo 2 model ladder, allenai/OLMo-ladder",
        {"x": "training_flops", "y": "bpb", "group": "subgroup", "baseline": "stem"},
    ),
    "overtraining": Dataset(
        "overtraining_testbed.csv.gz",
        "Losses and top-1 errors of 104 models trained on 5 to 640 tokens per parameter.",
        "Gadre et al. 2024, arXiv 2403.08540",
        {"law": "power", "x": "training_flops", "y": "value", "group": "group"},
    ),
}


def chinchilla() -> Frame:
    """The points of Figure 4 of the Chinchilla paper: ``params``, ``training_flops``, ``loss`` (nats per token).

    The figure has no tokens; the column ``tokens`` is D = C / 6N, as the paper counts FLOPs (its Appendix F).

    Examples
    --------
    >>> import relscale as rs
    >>> len(rs.datasets.chinchilla())
    245
    """
    return dataset("chinchilla")


def gemstones() -> Frame:
    """The Gemstones models on MMLU: ``loss`` of the correct answer (nats) by ``model``, ``step`` and ``subject``.

    Examples
    --------
    >>> import relscale as rs
    >>> len(set(rs.datasets.gemstones()["subject"]))
    57
    """
    return dataset("gemstones")


def isoflop_suite() -> Frame:
    """The three IsoFLOP suites of the paper on relative scaling laws: design and final loss of each run.

    Examples
    --------
    >>> import relscale as rs
    >>> len(rs.datasets.isoflop_suite().where(corpus="common-pile"))
    85
    """
    return dataset("isoflop_suite")


def olmo_ladder() -> Frame:
    """The OLMo 2 model ladder on MMLU: ``bpb``, bits per byte of the correct answer, by ``subgroup``.

    Examples
    --------
    >>> import relscale as rs
    >>> sorted(set(rs.datasets.olmo_ladder()["subgroup"]))
    ['humanities', 'other', 'social_sciences', 'stem']
    """
    return dataset("olmo_ladder")


def overtraining() -> Frame:
    """The over-training testbed: 8 losses and 46 top-1 errors, ``value`` by ``group`` and ``metric``, of 104 models.

    Examples
    --------
    >>> import relscale as rs
    >>> len(set(rs.datasets.overtraining()["run"]))
    104
    """
    return dataset("overtraining")


@typed
def dataset(name: str) -> Frame:
    """A published table by its name.

    Raises
    ------
    RelscaleError
        There is no such table.
    """
    if name not in DATASETS:
        raise RelscaleError(f"no data set {name!r}; {suggestion(name, DATASETS)}")
    return Frame(read_table(REFERENCE / DATASETS[name].file))


def datasets() -> Frame:
    """The published tables, one row per table."""
    return Frame(
        [
            {
                "name": name,
                "description": published.description,
                "source": published.source,
                "file": str(REFERENCE / published.file),
            }
            for name, published in DATASETS.items()
        ]
    )


def __dir__() -> list[str]:
    return [*__all__, "dataset", "datasets"]
