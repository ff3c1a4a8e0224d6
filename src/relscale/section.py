"""A section of the config as a type: declared once, beside the code that uses it, as a frozen pydantic model.

The JSON schema, the defaults, what an editor completes and the reference page of the documentation follow from it.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """The base of all sections: frozen, and without a key that it does not declare."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Fraction = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
