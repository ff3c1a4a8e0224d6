"""lm-eval's aggregated results, in the form that its ``EvaluationTracker`` writes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from one_sentence import assert_one_sentence

import relscale
from relscale.errors import RelscaleError
from relscale.measurements.lm_eval_results import read_results

TIME = "2026-01-02T03-04-05.678901"
RISE = {"easy": 0.10, "hard": 0.05}  # exponents of the error rates


def results(model: str = "org/small", **errors: float) -> dict[str, Any]:
    """Tasks by their error rates, and a group of them."""
    tasks = {
        task: {"alias": task, "acc,none": 1 - error, "acc_stderr,none": 0.01, "sample_len": 100}
        for task, error in errors.items()
    }
    mean = {"alias": "both", "acc,none": 0.5, "acc_stderr,none": "N/A", "sample_len": 200}
    return {
        "results": {**tasks, "both": mean},
        "groups": {"both": mean},
        "group_subtasks": {"both": list(tasks)},
        "higher_is_better": {task: {"acc": True} for task in (*tasks, "both")},
        "n-samples": {task: {"original": 100, "effective": 100} for task in tasks},
        "config": {"model": "hf", "model_args": f"pretrained={model}"},
        "model_name": model,
    }


def written(path: Path, said: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(said if isinstance(said, str) else json.dumps(said, indent=2))
    return path


@pytest.fixture(name="table")
def table_of_models(tmp_path: Path) -> Path:
    """Five models whose error rates fall by exact power laws of compute, each with its folder of results."""
    lines = ["run,training_flops,results"]
    for i in range(5):
        errors = {task: 0.8 * 10 ** (-slope * i) for task, slope in RISE.items()}
        written(tmp_path / f"m{i}" / f"results_{TIME}.json", results(f"org/m{i}", **errors))
        lines.append(f"m{i},1e{18 + i},m{i}")
    return written(tmp_path / "models.csv", "\n".join(lines))


def test_a_law_of_error_rates_is_recovered_from_the_results_of_models(table: Path) -> None:
    fit = relscale.fit(table, where="kind=task", baseline="hard")
    (row,) = fit.table()
    assert row["group"] == "easy"
    assert row["delta_beta"] == pytest.approx(RISE["hard"] - RISE["easy"], abs=1e-9)
    assert "no items" in fit.summary()


def test_groups_and_their_tasks_are_not_mixed(table: Path) -> None:
    with pytest.raises(RelscaleError, match="several values of kind, group, task; choose one") as error:
        relscale.fit(table)
    assert_one_sentence(error.value)


def test_scores_have_what_lm_eval_says_of_them(tmp_path: Path) -> None:
    path = written(tmp_path / f"results_{TIME}.json", results(easy=0.25))
    task, group = read_results(path)
    assert (task.model, task.task, task.kind, task.metric, task.filter) == (
        *("org/small", "easy", "task", "acc", "none"),
    )
    assert (task.score, task.error, task.stderr, task.items) == (0.75, 0.25, 0.01, 100)
    assert (group.kind, group.stderr) == ("group", None)  # N/A


@pytest.mark.parametrize(
    ("section", "other", "match"),
    [
        ("n-shot", {"easy": 5, "hard": 0}, "scored on easy with different examples in the prompt, 0 and 5"),
        (
            "versions",
            {"easy": 1.0, "hard": 2.0},
            "scored on hard with different versions of the task, 1 and 2",
        ),
        (
            "n-samples",
            {"easy": {"original": 100, "effective": 10}, "hard": {"original": 100, "effective": 100}},
            "scored on easy with different numbers of documents, 100 and 10",
        ),
    ],
)
def test_models_that_were_asked_differently_are_not_compared(
    table: Path, section: str, other: Mapping[str, Any], match: str
) -> None:
    same = {"n-shot": {"easy": 0, "hard": 0}, "versions": {"easy": 1.0, "hard": 1.0}}
    for i in range(5):
        path = table.parent / f"m{i}" / f"results_{TIME}.json"
        said = {**json.loads(path.read_text()), **same}
        written(path, {**said, section: other} if i == 3 else said)
    with pytest.raises(RelscaleError, match=match) as error:
        relscale.fit(table, where="kind=task", baseline="hard")
    assert_one_sentence(error.value)


def test_a_group_whose_tasks_are_of_fewer_documents_is_another_group(table: Path) -> None:
    path = table.parent / "m2" / f"results_{TIME}.json"
    said = json.loads(path.read_text())
    del said["n-samples"]["hard"], said["results"]["hard"]
    written(path, {**said, "group_subtasks": {"both": ["easy"]}})
    with pytest.raises(
        RelscaleError, match="scored on both with different numbers of documents, 200 and 100"
    ):
        relscale.fit(table, law="power", where="kind=group")


def test_the_number_of_examples_can_be_chosen_where_a_model_has_several(table: Path) -> None:
    for i in range(5):
        path = table.parent / f"m{i}" / f"results_{TIME}.json"
        said = {**json.loads(path.read_text()), "n-shot": {"easy": 0, "hard": 0}}
        written(path, said)
        worse = results(f"org/m{i}", easy=0.9, hard=0.9)
        written(
            path.with_name("results_2026-05-02T03-04-05.json"), {**worse, "n-shot": {"easy": 5, "hard": 5}}
        )
    (row,) = relscale.fit(table, where=["kind=task", "shots=0"], baseline="hard").table()
    assert row["delta_beta"] == pytest.approx(RISE["hard"] - RISE["easy"], abs=1e-9)
    with pytest.raises(RelscaleError, match="choose one, such as --where shots=5"):
        relscale.fit(table, where="kind=task", baseline="hard")


def with_sections(table: Path, **sections: Mapping[int, Mapping[str, Any]]) -> None:
    """Write sections into the results of models, by the model's number."""
    for section, by_model in sections.items():
        for i, said in by_model.items():
            path = table.parent / f"m{i}" / f"results_{TIME}.json"
            written(path, {**json.loads(path.read_text()), section.replace("_", "-"): said})


def test_the_number_of_examples_may_be_the_group(table: Path) -> None:
    with_sections(table, n_shot={i: {"easy": 0, "hard": 0} for i in range(5)})
    for i in range(5):
        five = {**results(f"org/m{i}", easy=0.9 - 0.1 * i, hard=0.9), "n-shot": {"easy": 5, "hard": 5}}
        written(table.parent / f"m{i}" / "results_2026-05-02T03-04-05.json", five)
    (row,) = relscale.fit(table, group="shots", baseline="0", where=["kind=task", "task=easy"]).table()
    assert row["group"] == "5"


def with_column(table: Path, name: str, cells: Sequence[str]) -> None:
    """Add a column of the user's to the table of models."""
    lines = zip(table.read_text().splitlines(), [name, *cells], strict=True)
    table.write_text("\n".join(f"{line},{cell}" for line, cell in lines))


@pytest.mark.slow
def test_a_column_of_the_users_completes_the_results_but_does_not_contradict_them(table: Path) -> None:
    options = {"where": ["kind=task"], "baseline": "hard"}
    before = relscale.fit(table, **options).table()
    with_column(table, "shots", ["0"] * 5)  # the results do not say
    with_column(table, "filter", ["none"] * 5)  # as the results say
    assert (
        relscale.fit(table, **options | {"where": ["kind=task", "shots=0"]}).table().to_arrow()
        == before.to_arrow()
    )
    with_column(table, "metric", ["accuracy"] * 5)
    with pytest.raises(
        RelscaleError, match=r"'metric' has accuracy, but lm-eval's results have acc; "
    ) as error:
        relscale.fit(table, **options)
    assert_one_sentence(error.value)


def test_examples_that_only_the_user_knows_are_compared_too(table: Path) -> None:
    with_column(table, "shots", ["0", "0", "0", "5", "5"])
    with pytest.raises(RelscaleError, match="different examples in the prompt, 0 and 5"):
        relscale.fit(table, where="kind=task", baseline="hard")


def test_a_column_that_cannot_be_one_of_the_results_is_renamed(table: Path) -> None:
    with_column(table, "shots", ["few"] * 5)
    with pytest.raises(
        RelscaleError, match="the column 'shots' is also one of lm-eval's results, as int64; rename"
    ):
        relscale.fit(table, where="kind=task", baseline="hard")


def test_a_version_is_the_same_as_a_whole_number_and_with_a_point(table: Path) -> None:
    with_sections(table, versions={0: {"easy": 1, "hard": 1}, 1: {"easy": 1.0, "hard": 1.0}})
    assert len(relscale.fit(table, where="kind=task", baseline="hard").table()) == 1


@pytest.mark.parametrize("section", ["n-shot", "versions"])
@pytest.mark.parametrize("other", [{"easy": 2, "hard": 25}, {"easy": 1, "hard": 2}])
def test_a_group_of_tasks_that_were_asked_differently_is_not_compared(
    table: Path, section: str, other: Mapping[str, Any]
) -> None:
    first = {"easy": 2, "hard": 1}
    with_sections(table, **{section.replace("-", "_"): {i: other if i == 3 else first for i in range(5)}})
    with pytest.raises(
        RelscaleError, match="scored on both with different tasks, examples or versions"
    ) as error:
        relscale.fit(table, law="power", where="kind=group")
    assert_one_sentence(error.value)


def test_results_that_do_not_say_how_many_examples_give_way_to_newer_ones(tmp_path: Path) -> None:
    written(tmp_path / f"results_{TIME}.json", results(easy=0.75))
    newer = {**results(easy=0.25), "n-shot": {"easy": 0, "hard": 0}}
    written(tmp_path / "results_2026-05-02T03-04-05.json", newer)
    scores = [row for row in read_results(tmp_path) if row.task == "easy"]
    assert [(row.score, row.shots) for row in scores] == [(0.75, 0)]


def test_of_several_results_of_a_model_the_newest_counts(tmp_path: Path) -> None:
    written(tmp_path / "results_2026-05-02T03-04-05.678901.json", results(easy=0.25))
    written(tmp_path / f"results_{TIME}.json", results(easy=0.75))
    assert read_results(tmp_path)[0].error == 0.25


def test_lower_is_better_stays_as_it_is(tmp_path: Path) -> None:
    said = {"results": {"wiki": {"bits_per_byte,none": 0.9, "bits_per_byte_stderr,none": "N/A"}}}
    said["higher_is_better"] = {"wiki": {"bits_per_byte": False}}  # type: ignore[dict-item]
    assert read_results(written(tmp_path / "results_x.json", said))[0].error == 0.9


@pytest.mark.parametrize(
    ("name", "said", "message"),
    [
        ("samples_easy.jsonl", "{}", "samples, not results"),
        ("results_x.json", '{"results": {', "damaged"),
        ("results_x.json", "[]", "not results of lm-eval"),
        ("results_x.json", '{"results": {"easy": 1}}', "not results of lm-eval"),
        ("results_x.json", '{"results": {"easy": {"alias": "easy"}}}', "without a score"),
    ],
)
def test_what_is_not_a_result_is_refused_in_one_sentence(
    name: str, said: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(RelscaleError, match=message) as error:
        read_results(written(tmp_path / name, said))
    assert_one_sentence(error.value)


def test_a_folder_of_several_models_is_refused(table: Path) -> None:
    with pytest.raises(RelscaleError, match=r"results of 5 models \(org/m0") as error:
        read_results(table.parent)
    assert_one_sentence(error.value)


def test_one_file_alone_is_no_table(table: Path) -> None:
    with pytest.raises(RelscaleError, match="a law needs several; write a table") as error:
        relscale.fit(table.parent / "m0" / f"results_{TIME}.json")
    assert_one_sentence(error.value)
