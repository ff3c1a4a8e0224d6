"""Lists of the laws, suites and figures, each a table with one row per name."""

from relscale.laws.law import Family
from relscale.table_fit.frame import Frame


def laws() -> Frame:
    """The laws of ``fit(law=…)``: formulas, predictors and parameters.

    Examples
    --------
    >>> import relscale as rs
    >>> rs.laws().where(law="power")["formula"]
    ['E = E_ref · (F / F_ref)^(−β)']
    """
    from relscale.laws.catalogue import law_modules

    rows = []
    for name, module in law_modules().items():
        law = module.LAW
        is_family = isinstance(law, Family)
        rows.append(
            {
                "law": name,
                "formula": first_sentence(module.__doc__) if is_family else law.formula,
                "of": [*law.first_predictors, *(f"{name}…" for name in (law.prefix, *law.extra_prefixes))]
                if is_family
                else list(law.input_columns),
                "parameters": [] if is_family else list(law.names),
            }
        )
    return Frame(rows)


def suites() -> Frame:
    """The shipped evaluation suites.

    Examples
    --------
    >>> import relscale as rs
    >>> rs.suites().where(suite="mmlu")["baseline"]
    ['stem']
    """
    from relscale.scoring.options import Suite
    from relscale.scoring.suite_description import available_suites, read_suite

    rows = []
    for name in available_suites():
        manifest = read_suite(name, Suite())[1]
        rows.append(
            {
                "suite": name,
                "description": manifest.description,
                "kind": manifest.kind,
                "groups": list(manifest.groups),
                "baseline": manifest.baseline,
                "metric": manifest.metric,
            }
        )
    return Frame(rows)


def figures() -> Frame:
    """The available figures, and whether each is drawn once per suite.

    Examples
    --------
    >>> import relscale as rs
    >>> "relative-law" in rs.figures()["figure"]
    True
    """
    from relscale.figures import registry

    return Frame(
        [
            {"figure": figure.name, "description": figure.description, "per_suite": figure.per_suite}
            for figure in registry.figures().values()
        ]
    )


def first_sentence(docstring: str | None) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((docstring or "").strip().partition("\n\n")[0].split())
