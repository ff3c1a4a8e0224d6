"""Options shared by several figures. Further options are a section beside a figure's ``draw``."""

from pydantic import Field

from relscale.experiments.section import Name, Names, Section
from relscale.fitting.inference.estimand import Estimand


class OneSuite(Section):
    """Options of a figure of one suite."""

    suite: Name | None = Field(None, description="The suite; it can be part of the figure's name instead.")
    metric: Name | None = Field(
        None,
        description="The metric; by default, or if it was not measured, the suite's headline metric.",
    )
    prompt: Name | None = Field(None, description="The prompt form; by default the suite's headline form.")

    @property
    def names(self) -> tuple[str, ...]:
        """The suite that is named, if any."""
        return (self.suite,) if self.suite else ()


class SeveralFits(Section):
    """Options of a figure of further laws."""

    fits: Names = Field((), description="Names of fits in the config; all by default.")


class OneSuiteInterval(OneSuite):
    """Options of a figure of one suite with intervals."""

    estimand: Estimand | None = Field(
        None, description="The interval to show; by default the widest available."
    )


class SeveralSuites(Section):
    """Options of a figure of all suites."""

    suites: Names = Field((), description="The suites, in this order; all by default.")
    metric: Name | None = Field(None, description="The metric, for suites with this metric.")
    prompt: Name | None = Field(None, description="The prompt form, for suites with this form.")

    @property
    def names(self) -> tuple[str, ...]:
        """The suites that are named."""
        return tuple(self.suites)
