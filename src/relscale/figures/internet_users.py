"""Slope of each region against its share of internet users, a proxy for the paper's Figure 5.

The paper uses the number of English-speaking internet users; this figure uses the share of a country's population that
uses the internet, in any language. The data are the World Bank's indicator IT.NET.USER.ZS (CC BY 4.0), in
``internet_users_percent.csv`` with one row per country and one column per year, 1990 to 2022.
"""

from pathlib import Path

import plotly.graph_objects as go
from pydantic import Field

from relscale.errors import RelscaleError
from relscale.figures import chart
from relscale.figures.data import FigureData
from relscale.figures.group_slopes import CovariateWords, draw_slopes
from relscale.figures.options import OneSuiteInterval
from relscale.storage.tables import read_table

TABLE = Path(__file__).with_name("internet_users_percent.csv")
YEAR = 2000  # the same for all countries; the International Corpus of English was collected over two decades from 1990
# Countries of each region, by the region's name in the data.
REGIONS = {
    "australia": ["AUS"],
    "bahamas": ["BHS"],
    "canada": ["CAN"],
    "east_africa": ["KEN", "TZA"],  # as in the International Corpus of English
    "fiji": ["FJI"],
    "ghana": ["GHA"],
    "great_britain": ["GBR"],
    "hong_kong": ["HKG"],
    "india": ["IND"],
    "ireland": ["IRL"],
    "jamaica": ["JAM"],
    "kenya": ["KEN"],
    "malta": ["MLT"],
    "new_zealand": ["NZL"],
    "nigeria": ["NGA"],
    "philippines": ["PHL"],
    "singapore": ["SGP"],
    "south_africa": ["ZAF"],
    "sri_lanka": ["LKA"],
    "tanzania": ["TZA"],
    "trinidad_and_tobago": ["TTO"],
    "uganda": ["UGA"],
    "united_kingdom": ["GBR"],
    "united_states": ["USA"],
    "usa": ["USA"],
}


class Options(OneSuiteInterval):
    """Options of the figure ``internet-users``."""

    year: int = Field(YEAR, description="Year of the numbers of internet users.")


def draw(data: FigureData, options: Options) -> go.Figure:
    """Draw one suite whose groups are countries: the named one, or the first.

    Raises
    ------
    RelscaleError
        There is no suite of this name, or the table lacks the year.
    """
    year = options.year
    percents = internet_users(year)
    words = CovariateWords(
        title="Slope and internet users",
        axis=f"internet users, {year} (% of population)",
        hover=f"%{{x}}% of the population used the internet in {year}",
        no_groups="no law of a group with known internet users",
        log_name="the log of that percentage",
        notes=(
            f"Internet users: World Bank, {year}, percent of a country's population; a rough proxy for the "
            "amount of English text from that country, which ignores population size and language.",
        ),
    )
    suites = data.shown_suites(options)
    suite = next((suite for suite in suites if len(set(percents) & set(suite.labels)) > 1), None)
    if suite is None:
        return chart.empty(words.title, "No suite has countries as groups.")
    covariate = {series.label: percents for series in data.series}
    return draw_slopes(data, suite, covariate, words, options.estimand)


def internet_users(year: int) -> dict[str, float]:
    """Internet users of each region in percent of its population; the mean over the countries of a region.

    Raises
    ------
    RelscaleError
        The table lacks the year.
    """
    table = read_table(TABLE, ("Country Code",))
    if str(year) not in table.column_names:
        years = [name for name in table.column_names if name.isdigit()]
        raise RelscaleError(f"year: {year}; internet users are known from {years[0]} to {years[-1]}")
    by_code = dict(zip(table["Country Code"].to_pylist(), table[str(year)].to_pylist(), strict=True))
    percents = {}
    for region, codes in REGIONS.items():
        values = [
            by_code[code] for code in codes if by_code.get(code)
        ]  # without 0, because the axis is logarithmic
        if values:
            percents[region] = sum(values) / len(values)
    return percents
