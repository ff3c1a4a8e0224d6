"""Options that several figures have. A figure's own are a section beside its ``draw``."""

from pydantic import Field

from relscale.fitting.inference.estimand import Estimand
from relscale.section import Name, Names, Section


class OneSuite(Section):
    """What a figure of one suite shows."""

    suite: Name | None = Field(None, description="The suite; it may stand in the figure's name instead.")
    metric: Name | None = Field(
        None,
        description="The metric; that which the suite is shown by where it is not given or not measured.",
    )
    prompt: Name | None = Field(
        None, description="The form of the prompt; that which the suite is shown by where it is not given."
    )

    @property
    def names(self) -> tuple[str, ...]:
        """The suite that is named, if any."""
        return (self.suite,) if self.suite else ()


class OneSuiteInterval(OneSuite):
    """What a figure of one suite shows, and which of its intervals."""

    estimand: Estimand | None = Field(None, description="The interval to show; the widest that is known.")


class SeveralSuites(Section):
    """What a figure of all suites shows."""

    suites: Names = Field((), description="The suites, in this order; all where none is named.")
    metric: Name | None = Field(None, description="The metric, of the suites that were measured by it.")
    prompt: Name | None = Field(None, description="The form of the prompt, of the suites that have it.")

    @property
    def names(self) -> tuple[str, ...]:
        """The suites that are named."""
        return tuple(self.suites)
