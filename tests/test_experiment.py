"""An experiment on checkpoints: what its config keeps of the training, and how its table is scored."""

import pytest

from relscale.errors import RelscaleError
from relscale.experiments.config import check_config
from relscale.exported_suites import with_exported_suites
from relscale.workflow.jobs import job_names, scoring_jobs

HEADER = "run,model,corpus,params,tokens,training_flops,budget,status,validation_loss"


@pytest.fixture
def released(tmp_path):
    """A function that gives the config of an experiment whose table has these rows."""

    def make(*rows, **sections):
        table = tmp_path / "checkpoints.csv"
        table.write_text("\n".join([HEADER, *rows]) + "\n")
        runs = {"source": "checkpoints", "table": str(table)}
        return check_config({"experiment": "released", "runs": runs, **sections})

    return make


ROWS = ["a,x/a,web,100,2,1200,1e9,,3.5", "b,x/b,web,100,4,2400,2e9,,3.4", "c,x/c,books,100,2,1200,1e9,,3.6"]


def test_what_trained_the_models_may_stay_in_the_config_and_orders_the_corpora(released):
    design = {"recipe": "laptop", "flop_accounting": "training", "budgets": [1e9]}
    trained = {"books": {"source": "s"}, "other": {"source": "s"}}
    assert released(*ROWS).scored_corpora == ("web", "books")
    assert released(*ROWS, corpora=trained, design=design).scored_corpora == ("books", "web")


@pytest.mark.parametrize(
    ("unit", "jobs"), [("corpus", ["all"]), ("budget", ["1e9", "2e9"]), ("run", ["a", "b"])]
)
def test_checkpoints_are_scored_by_corpus_budget_or_run(released, unit, jobs):
    assert job_names(scoring_jobs(released(*ROWS, scoring={"job": unit})), "web") == jobs


def test_checkpoints_without_a_budget_cannot_be_scored_by_it(released):
    config = released("a,x/a,web,100,2,1200,,,", scoring={"job": "budget"})
    with pytest.raises(
        RelscaleError, match=r"the table has no budget for a; set scoring\.job to corpus or run"
    ):
        scoring_jobs(config)


def test_a_run_that_diverged_has_a_row_and_no_scoring(released):
    config = released(*ROWS, "d,,web,100,2,1200,1e9,diverged at step 7,", scoring={"job": "run"})
    assert job_names(scoring_jobs(config), "web") == ["a", "b"]


def test_suites_of_held_out_documents_are_those_beside_the_table(released, tmp_path):
    suites = {"domains": {"documents": 12}, "behaviours": {}}
    config = released(*ROWS, suites=suites)
    assert with_exported_suites(config) == config
    (tmp_path / "suites" / "domains").mkdir(parents=True)
    replaced = with_exported_suites(config).suites
    assert replaced["domains"].given() == {"path": str(tmp_path / "suites" / "domains")}
    assert replaced["behaviours"].given() == {}
