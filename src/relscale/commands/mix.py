"""``relscale mix``: the best mixture by a law of a finished experiment, as a corpus to train on."""

import argparse
from pathlib import Path

from relscale.commands.inputs import add_config, training_experiment

HELP = "the best mixture of an experiment's parts by its law of mixtures, as a corpus to train on"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CONFIG, the law, the mixtures to search among, --name and --output."""
    add_config(parser)
    parser.add_argument(
        "--fit", metavar="NAME", help="The law under fit.laws (default: the only one of mixtures)."
    )
    parser.add_argument(
        "--weight",
        action="append",
        default=[],
        metavar="TARGET=NUMBER",
        help="The weight of a target in the mean that is minimised (default: 1 each).",
    )
    parser.add_argument(
        "--prior", metavar="CORPUS", help="The corpus that --kl departs from (default: the mean of all)."
    )
    parser.add_argument(
        "--kl",
        type=float,
        default=0.0,
        help="Weight of the divergence from it, in the unit of the targets per nat (default: 0).",
    )
    parser.add_argument(
        "--within",
        choices=("data", "simplex"),
        default="data",
        help="data: no share larger than the largest tried (default).",
    )
    parser.add_argument(
        "--order",
        choices=("any", "falling"),
        default="any",
        help="falling: no share larger than that of the part before it.",
    )
    parser.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="For the law information: parameters, tokens and the text of each part.",
    )
    parser.add_argument("--draws", type=int, default=100, help="Resamples of the mixtures (default: 100).")
    parser.add_argument(
        "--measurements", type=Path, metavar="FILE", help="The measurements (default: those of the results)."
    )
    parser.add_argument("--name", default="optimum", help="The name of the corpus (default: optimum).")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="YAML",
        help="Write the config with this corpus, which its law then predicts and is not fitted to.",
    )


def run(options: argparse.Namespace) -> None:
    """Find the mixture with the least mean of predicted targets, and print it as a corpus for the config.

    The law is one of mixtures under fit.laws, fitted to the measurements of the experiment; its targets are the values
    of its `by`. Intervals are of resampled mixtures. With --output, `relscale run YAML` trains the one further model,
    and the table `predictions` has what was predicted beside what came out.
    """
    from relscale.best_mixture import mixture_law, next_corpus, prior_shares
    from relscale.commands.ask import shown
    from relscale.config import extend_config
    from relscale.errors import RelscaleError
    from relscale.fitting.estimation.tried_mixtures import tried_mixtures
    from relscale.fixed_parameters import fixed_parameters
    from relscale.questions import mixture
    from relscale.results import Results
    from relscale.suggestions import suggestion
    from relscale.tables import read_table
    from relscale.yaml_text import dump

    experiment = training_experiment(options.config)
    if options.output is not None and options.output.suffix not in (".yaml", ".yml"):
        raise RelscaleError(f"--output: {options.output} does not end in .yaml")
    if not options.name.strip():
        raise RelscaleError("--name: it is blank; give the corpus a name")
    if options.name in experiment.corpora:
        raise RelscaleError(f"--name: the config has a corpus {options.name!r} already; give another name")
    entry = mixture_law(experiment.fit.laws, options.fit)
    tried = tried_mixtures(read_table(options.measurements or Results.of(experiment).measurements), entry)
    weights = fixed_parameters(options.weight, "--weight", "a target with its weight, TARGET=NUMBER")
    for name in weights:
        if name not in tried.targets:
            raise RelscaleError(f"--weight: no target {name!r}; {suggestion(name, tried.targets)}")
    prior = prior_shares(experiment, options.prior, tried.shares) if options.prior is not None else ()
    rows = list(
        mixture.rows(
            tried.columns,
            x=tried.shares,
            y=tried.targets,
            law=entry.law,
            at=tuple(options.at),
            within=options.within,
            order=options.order,
            kl=options.kl,
            prior=tuple(map(str, prior)),
            weights=tuple(str(weights.get(name, 1.0)) for name in tried.targets),
            residual=entry.residual,
            draws=options.draws,
            seed=experiment.seed,
        )
    )
    print(f"{len(tried.columns)} mixtures, law {entry.law}, mean of {', '.join(tried.targets)}\n")
    print(shown(mixture.ROW, rows), end="\n\n")
    parts = next_corpus(experiment, {row.quantity: row.value for row in rows if row.quantity in tried.shares})
    corpora = {"corpora": {options.name: {"parts": [part.model_dump(exclude_none=True) for part in parts]}}}
    print(dump(corpora), end="")
    if options.output is not None:
        extend_config(options.config, corpora, options.output, entry.name, options.name)
        print(f"\nconfig with it: {options.output}")
