"""``relscale mix``: the optimal data mixture under a law of a finished experiment."""

import argparse
from pathlib import Path

from relscale.commands.inputs import add_config, training_experiment
from relscale.commands.outputs import output_config

HELP = "optimise the data mixture by an experiment's mixture law, and print it as a corpus"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, the law, the mixtures to search among, --name and --output."""
    add_config(parser)
    parser.add_argument(
        "--fit", metavar="NAME", help="Name of the law under fit.laws (default: the only mixture law)."
    )
    parser.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="NAME",
        help="A target whose predicted value is minimised, or a value of the law's `by` that several targets have, "
        "such as a suite; may be repeated (default: all targets).",
    )
    parser.add_argument(
        "--weight",
        action="append",
        default=[],
        metavar="TARGET=NUMBER",
        help="Weight of a target in the minimised mean (default: 1).",
    )
    parser.add_argument(
        "--prior", metavar="CORPUS", help="Reference corpus of --kl (default: the mean of all)."
    )
    parser.add_argument(
        "--kl",
        type=float,
        default=0.0,
        help="Weight of the KL divergence from --prior, in the unit of the targets per nat (default: 0).",
    )
    parser.add_argument(
        "--within",
        choices=("data", "simplex"),
        default="data",
        help="Search space. data (default): no share above the largest in the data; simplex: all mixtures.",
    )
    parser.add_argument(
        "--order",
        choices=("any", "falling"),
        default="any",
        help="falling: shares must not increase from one part to the next (default: any).",
    )
    parser.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="For the law information: parameters, tokens and the amount of text of each part.",
    )
    parser.add_argument(
        "--draws", type=int, default=100, help="Number of bootstrap resamples of the mixtures (default: 100)."
    )
    parser.add_argument(
        "--measurements",
        type=Path,
        metavar="FILE",
        help="Table of measurements (default: that of the results).",
    )
    parser.add_argument("--name", default="optimum", help="Name of the corpus (default: optimum).")
    parser.add_argument(
        "--output",
        type=output_config,
        metavar="YAML",
        help="Write the config with this corpus added; the law predicts it and is not fitted to it.",
    )


def run(options: argparse.Namespace) -> None:
    """Find the mixture that minimises the weighted mean of predicted targets, and print it as a corpus for a config.

    The law is a mixture law under fit.laws, fitted to the measurements of the experiment; its targets are the values of
    its `by`. Intervals are bootstrap intervals over mixtures. With --output, `relscale run YAML` trains the additional
    model, and the table `predictions` compares prediction and outcome.
    """
    from relscale.commands.ask import shown
    from relscale.errors import RelscaleError
    from relscale.experiments.config import extend_config
    from relscale.experiments.results import Results
    from relscale.fitting.estimation.tried_mixtures import tried_mixtures
    from relscale.fixed_parameters import fixed_parameters
    from relscale.questions import mixture
    from relscale.storage.tables import read_table
    from relscale.storage.yaml_text import dump
    from relscale.studies.optimal_mixture import mixture_law, next_corpus, prior_shares
    from relscale.suggestions import suggestion

    experiment = training_experiment(
        options.config, instead="for a table of mixtures, use `relscale ask mixture TABLE`"
    )
    if not options.name.strip():
        raise RelscaleError("--name: empty; give the corpus a name")
    if options.name in experiment.corpora:
        raise RelscaleError(f"--name: the config already has a corpus {options.name!r}; choose another name")
    entry = mixture_law(experiment.fit.laws, options.fit)
    table = read_table(options.measurements or Results.of(experiment).measurements)
    mixtures = tried_mixtures(table, entry, options.target)
    targets = mixtures.targets
    weights = fixed_parameters(options.weight, "--weight", "a target with its weight, TARGET=NUMBER")
    for name in weights:
        if name not in targets:
            raise RelscaleError(f"--weight: no target {name!r}; {suggestion(name, targets)}")
    prior = prior_shares(experiment, options.prior, mixtures.shares) if options.prior is not None else ()
    rows = list(
        mixture.rows(
            mixtures.columns,
            x=mixtures.shares,
            y=targets,
            law=entry.law,
            at=tuple(options.at),
            within=options.within,
            order=options.order,
            kl=options.kl,
            prior=tuple(map(str, prior)),
            weights=tuple(str(weights.get(name, 1.0)) for name in targets),
            residual=entry.residual,
            draws=options.draws,
            seed=experiment.seed,
        )
    )
    print(f"{len(mixtures.columns)} mixtures, law {entry.law}, mean of {', '.join(targets)}\n")
    print(shown(mixture.ROW, rows), end="\n\n")
    parts = next_corpus(
        experiment, {row.quantity: row.value for row in rows if row.quantity in mixtures.shares}
    )
    corpora = {"corpora": {options.name: {"parts": [part.model_dump(exclude_none=True) for part in parts]}}}
    print(dump(corpora), end="")
    if options.output is not None:
        extend_config(options.config, corpora, options.output, entry.name, options.name)
        print(f"\nconfig with this corpus: {options.output}")
