"""Options shared by several figures. A figure's own options are a section next to its ``draw``."""

from pydantic import Field

from relscale.experiments.section import Name, Names, Section
from relscale.fitting.inference.estimand import Estimand


class OneSuite(Section):
    """Options of a figure of one suite."""

    suite: Name | None = Field(
        None, description="The suite; it can also be part of the figure's name, as in FIGURE-SUITE."
    )
    metric: Name | None = Field(
        None,
        description="The metric; by default, or if it was not measured, the suite's headline metric.",
    )
    prompt: Name | None = Field(None, description="The prompt form; by default the suite's headline form.")

    @property
    def names(self) -> tuple[str, ...]:
        """The named suite, if any."""
        return (self.suite,) if self.suite else ()


class SeveralFits(Section):
    """Options of a figure of laws that the config adds."""

    fits: Names = Field((), description="Names of fits in the config; all by default.")


class OneSuiteInterval(OneSuite):
    """Options of a figure of one suite with intervals."""

    estimand: Estimand | None = Field(
        None, description="Estimand of the intervals; by default the most general one available."
    )


class SeveralSuites(Section):
    """Options of a figure of all suites."""

    suites: Names = Field((), description="The suites, in this order; all by default.")
    metric: Name | None = Field(None, description="The metric, for suites that have it.")
    prompt: Name | None = Field(None, description="The prompt form, for suites that have it.")

    @property
    def names(self) -> tuple[str, ...]:
        """The named suites."""
        return tuple(self.suites)
