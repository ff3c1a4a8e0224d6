"""Presentation of a suite: its title, groups, baseline, and the metric and prompt form that figures show."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from relscale.errors import RelscaleError
from relscale.figures.as_text import as_text, visible_text
from relscale.figures.row_filter import SuiteFilter
from relscale.fitting.curves.gaps import MEAN
from relscale.fitting.curves.point_rows import ErrorRow
from relscale.measurements.metric import Metric
from relscale.scoring.manifest import Manifest, check_manifest_name, read_manifest
from relscale.scoring.options import PublishedSuite

# Groups that colour, symbol and dash can distinguish; more are drawn by their verdict.
MOST_STYLED = 12
LONGEST_BASELINE = 24  # letters in the title of an axis

StatedSuite = Manifest | PublishedSuite
"""Properties of a suite besides its tables."""


@dataclass(frozen=True)
class Suite:
    """Presentation of a suite; what its manifest does not define follows from the tables.

    Attributes
    ----------
    labels
        Labels by group, in the order of the legend.
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
    def ratio_title(self) -> str:
        """The title of an axis of ratios; a long name of the baseline is left to the label of its line."""
        label = self.baseline_label
        name = label if len(visible_text(label)) <= LONGEST_BASELINE else "the baseline"
        return f"error relative to {name} (ratio)"

    @property
    def key(self) -> SuiteFilter:
        """The filter of this suite's rows."""
        return {"suite": self.name, "metric": self.metric, "prompt": self.prompt}


def stated_suite(source: Path | PublishedSuite) -> StatedSuite:
    """Properties of a suite, from the manifest at a path or from a config.

    Raises
    ------
    RelscaleError
        There is no such manifest, or it is wrong.
    """
    if isinstance(source, PublishedSuite):
        return source
    check_manifest_name(source)
    if not source.is_file():
        raise RelscaleError(f"{source}: no such suite manifest; run `relscale suite` first")
    return read_manifest(source.parent)


def shown_metric(suite: StatedSuite, errors: Iterable[ErrorRow], requested: str | None) -> str:
    """The requested metric, or the suite's; if it was not measured, the preferred one of those that were."""
    measured = {str(row.metric) for row in errors}
    metric = requested or as_text(suite.metric) or "none"
    if metric in measured:
        return str(metric)
    return str(min(measured, key=lambda name: Metric.parse(name).preference, default=metric))


def group_labels(suite: StatedSuite, groups: set[str]) -> dict[str, str]:
    """The label of each measured group; the groups that the suite lists come first, in its order."""
    listed = {as_text(group): as_text(entry.label) for group, entry in (suite.groups or {}).items()}
    labels = {group: label or group for group, label in listed.items() if group in groups}
    return labels | {group: group.replace("_", " ") for group in sorted(groups - set(labels))}


def suite_title(suite: StatedSuite, name: str) -> str:
    """The suite's title, or one made from its name."""
    return as_text(suite.title) or name.replace("-", " ").replace("_", " ").capitalize()
