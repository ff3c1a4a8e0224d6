"""Slope of each group against its share of the training tokens (the paper's Figure 5c)."""

import plotly.graph_objects as go

from relscale.figures import chart
from relscale.figures.data import FigureData
from relscale.figures.group_slopes import CovariateWords, draw_slopes
from relscale.figures.options import OneSuiteInterval

WORDS = CovariateWords(
    title="Slope and training share",
    axis="share of training tokens (%)",
    hover="%{x}% of training tokens",
    no_groups="no law of a group with a known share",
    log_name="log share",
)
PREFERRED = "domains"


def draw(data: FigureData, options: OneSuiteInterval) -> go.Figure:
    """Draw one suite whose groups have training shares: the named one, or ``domains``, or the first.

    Raises
    ------
    RelscaleError
        There is no suite of this name, or a token store has no manifest.
    """
    percents = {
        series.label: {group: 100 * share for group, share in data.training_shares(series.corpus).items()}
        for series in data.series
    }
    groups = set.union(set(), *percents.values())
    suites = [suite for suite in data.shown_suites(options) if len(groups & set(suite.labels)) > 1]
    if not suites:
        return chart.empty(WORDS.title, "No suite has groups with recorded shares of the training tokens.")
    suite = next((suite for suite in suites if suite.name == PREFERRED), suites[0])
    return draw_slopes(data, suite, percents, WORDS, options.estimand)
