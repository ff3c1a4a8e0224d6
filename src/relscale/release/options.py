"""The config's section ``export``."""

from typing import Annotated

from pydantic import Field

from relscale.experiments.section import NULLABLE, Section


class Export(Section):
    """Options of `relscale export`."""

    licence: Annotated[str | None, NULLABLE] = Field(
        default=None,
        description="Licence of the weights as the hub names it, such as apache-2.0; required by `relscale push`.",
    )
