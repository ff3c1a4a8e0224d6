"""The data of an experiment's figures."""

from relscale.experiments.experiment import Experiment, MeasurementExperiment, TrainingExperiment
from relscale.experiments.results import Results
from relscale.figures.data import FigureData
from relscale.studies.critical_batches import branch_tables


def experiment_data(experiment: Experiment, results: Results) -> FigureData:
    """The tables of an experiment's results, with the manifests of its suites and token stores."""
    corpora = experiment.scored_corpora
    return FigureData(
        measurements=results.measurements,
        fits=results.fits,
        suites=experiment.suites
        if isinstance(experiment, MeasurementExperiment)
        else {name: results.suite(name) for name in experiment.suites},
        tokens={name: results.tokens(name) for name in corpora}
        if isinstance(experiment, TrainingExperiment)
        else {},
        corpora=corpora,
        other_tables=branch_tables(experiment, results),
    )
