"""Random mixtures: corpora of the same parts with different weights, to which a mixture law is fitted.

Weights are draws from a symmetric Dirichlet distribution, which is uniform over all mixtures at concentration 1; larger
concentrations favour equal parts, smaller ones single parts.
"""

from typing import Annotated

import numpy as np
from pydantic import Field

from relscale.experiments.section import Name, Positive, PositiveInt, Section
from relscale.tokens.options import Corpus, MixturePart, Part

DIGITS = 4  # decimal places of a weight


class Mixtures(Section):
    """Random mixtures of the same parts, named mixture-01, mixture-02, …"""

    parts: Annotated[dict[Name, MixturePart], Field(min_length=2)] = Field(
        description="The parts, by their names in the columns share_<name> of the measurements."
    )
    number: PositiveInt = Field(default=24, description="Number of mixtures.")
    concentration: Positive = Field(
        default=1.0,
        description="Concentration of the Dirichlet distribution of the weights: 1 is uniform over all "
        "mixtures, more favours equal parts, less single parts.",
    )


def mixture_corpora(mixtures: Mixtures, seed: int) -> dict[str, Corpus]:
    """The corpora by name, without parts whose weight rounds to 0.

    A larger ``number`` begins with the mixtures of a smaller one.
    """
    rng = np.random.default_rng([seed, len(mixtures.parts)])
    corpora = {}
    for number in range(1, mixtures.number + 1):
        weights = rng.dirichlet([mixtures.concentration] * len(mixtures.parts)).round(DIGITS).tolist()
        parts = [
            Part(**part.model_dump(exclude={"name"}), name=part.name or name, weight=weight)
            for (name, part), weight in zip(mixtures.parts.items(), weights, strict=True)
            if weight > 0
        ]
        corpora[f"mixture-{number:02}"] = Corpus(parts=tuple(parts))
    return corpora
