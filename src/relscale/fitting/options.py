"""Config section ``fit``: the options of fits, verdicts and all analyses."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pydantic import create_model

from relscale.errors import RelscaleError
from relscale.experiments.section import Section
from relscale.fitting.analyses.registry import analyses
from relscale.fitting.core_options import CoreOptions
from relscale.fitting.verdicts import verdict

__all__ = ["Fit", "check_option_names", "fit_section"]


def fit_section() -> type[CoreOptions]:
    """The section with the options of verdicts, and of every analysis.

    Raises
    ------
    ValueError
        Two analyses have an option of the same name.
    """
    fields: dict[str, Any] = {}
    sections: dict[str, type[Section]] = {"verdicts/verdict.py": verdict.Options}
    sections |= {f"analyses/{analysis.name}.py": analysis.options for analysis in analyses()}
    for file, section in sections.items():
        for name, field in section.model_fields.items():
            if name in fields or name in CoreOptions.model_fields:
                raise ValueError(f"{file}: option {name!r} is already defined by another")
            fields[name] = (field.annotation, field)
    return create_model("Fit", __base__=CoreOptions, __doc__=CoreOptions.__doc__, **fields)


if TYPE_CHECKING:
    Fit = CoreOptions
else:
    Fit = fit_section()


def check_option_names(names: Iterable[str]) -> None:
    """Refuse options that do not exist."""
    for name in names:
        if name not in Fit.model_fields:
            raise RelscaleError(f"fit: unknown option {name!r}; allowed: {', '.join(Fit.model_fields)}")
