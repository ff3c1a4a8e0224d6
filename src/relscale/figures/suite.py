"""Presentation of a suite: its title, groups, baseline, and the metric and prompt form that figures show."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relscale.errors import RelscaleError
from relscale.figures.as_text import as_text
from relscale.figures.row_filter import SuiteFilter
from relscale.fitting.curves.gaps import MEAN
from relscale.fitting.curves.point_rows import ErrorRow
from relscale.measurements.metric import Metric
from relscale.storage.yaml_text import load

# Groups that colour, symbol and dash can distinguish; more are drawn by their verdict.
MOST_STYLED = 12

Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Suite:
    """Presentation of a suite; what its manifest does not define follows from the tables.

    Attributes
    ----------
    labels
        Labels by group, in the order of the legend.
    chance
        Chance accuracy, or None.
    """

    name: str
    title: str
    labels: dict[str, str]
    baseline: str | None
    metric: str
    prompt: str | None
    chance: float | None

    @property
    def is_crowded(self) -> bool:
        """Whether it has more groups than can be distinguished by colour, symbol and dash."""
        return len(self.labels) > MOST_STYLED

    @property
    def metric_title(self) -> str:
        """The title of an axis of the metric, with its unit."""
        return Metric.parse(self.metric).title

    @property
    def baseline_label(self) -> str:
        """The label of the baseline."""
        name = "the mean of the other groups" if self.baseline == MEAN else self.baseline or "baseline"
        return self.labels.get(self.baseline or "", name)

    @property
    def key(self) -> SuiteFilter:
        """The filter of this suite's rows."""
        return {"suite": self.name, "metric": self.metric, "prompt": self.prompt}


def read_suite_manifest(source: Path | Manifest) -> Manifest:
    """The manifest of a suite, from its file unless it is given.

    Raises
    ------
    RelscaleError
        There is no such file.
    """
    if isinstance(source, Mapping):
        return source
    path = Path(source)
    if not path.is_file():
        raise RelscaleError(f"{path}: no such suite manifest; run `relscale suite` first")
    manifest = load(path)
    return manifest if isinstance(manifest, dict) else {}


def shown_metric(manifest: Manifest, errors: Iterable[ErrorRow], requested: str | None) -> str:
    """The requested metric, or the manifest's; if it was not measured, the preferred one of those that were."""
    measured = {str(row.metric) for row in errors}
    metric = requested or as_text(manifest.get("metric")) or "none"
    if metric in measured:
        return str(metric)
    return str(min(measured, key=lambda name: Metric.parse(name).preference, default=metric))


def shown_prompt(manifest: Manifest, prompts: Sequence[str | None], requested: str | None) -> str | None:
    """The requested prompt form, or the manifest's; if it was not measured, the first of those that were."""
    prompt: str | None = requested or as_text(manifest.get("prompt"))
    if prompt in prompts:
        return prompt
    return min(prompts, key=str) if prompts else None


def group_labels(manifest: Manifest, groups: set[str]) -> dict[str, str]:
    """The label of each measured group; the groups of the manifest come first, in its order."""
    listed = {as_text(group): entry for group, entry in (manifest.get("groups") or {}).items()}
    labels = {
        group: as_text(entry.get("label")) or group for group, entry in listed.items() if group in groups
    }
    return labels | {group: group.replace("_", " ") for group in sorted(groups - set(labels))}


def suite_title(manifest: Manifest, name: str) -> str:
    """The title in the manifest, or one made from the name."""
    return as_text(manifest.get("title")) or name.replace("-", " ").replace("_", " ").capitalize()


def stated_chance(manifest: Manifest) -> float | None:
    """The chance accuracy in the manifest, or one over the number of choices; None if neither is known."""
    choices = (manifest.get("options") or {}).get("choices")
    return manifest.get("chance") or (1 / choices if choices else None)
