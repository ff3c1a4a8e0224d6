import pytest

from relscale.scoring.supported_tasks import SCORED, unsupported


@pytest.mark.parametrize("kind", SCORED)
def test_a_task_that_asks_for_the_probability_of_given_text_is_scored(kind):
    assert unsupported({"output_type": kind, "metric_list": [{"metric": "acc"}]}, None) is None


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"output_type": "generate_until"}, "generates text"),
        ({}, "generates text"),  # what lm-eval takes a task for that does not say
        ({"output_type": "loglikelihood", "class": "utils.Task"}, "is a Python class"),
        ({"output_type": "multiple_choice", "doc_to_image": "image"}, "shows images or plays sound"),
        ({"output_type": "multiple_choice", "doc_to_audio": ["sound"]}, "shows images or plays sound"),
        ({"output_type": "multiple_choice", "unsafe_code": True}, "runs code that it calls unsafe"),
        (
            {"output_type": "multiple_choice", "use_prompt": "promptsource:*"},
            "takes its prompts from promptsource",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_any_other_is_not_for_a_reason(config, reason):
    assert str(unsupported(config, None)).startswith(reason)


def test_a_task_whose_functions_need_a_package_that_is_not_there_is_not(tmp_path):
    (tmp_path / "task.yaml").write_text(
        "output_type: multiple_choice\nprocess_results: !function lm_eval.tasks.no_such_module.results\n"
    )
    assert "needs a module that is not installed" in str(
        unsupported({"output_type": "multiple_choice"}, tmp_path / "task.yaml")
    )
