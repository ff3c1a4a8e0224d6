"""What a metric's name says."""

import pytest

from relscale.measurements.metric import Metric, is_error, metric_names

ERRORS = [
    *(
        "bits_per_byte",
        "bits_per_byte_answer_mean_micro",
        "bits_per_byte_other_mean_macro",
        "brier_per_byte_micro",
    ),
    *(
        "bits_per_byte_scored_mean",
        "nats_answer_mean_macro",
        "nats_per_token",
        "error_rate_per_byte_macro",
        "loss",
    ),
]
OTHERS = ["accuracy_micro", "accuracy_per_byte", "probability_macro", "log_probability_per_byte_micro"]


@pytest.mark.parametrize("metric", ERRORS)
def test_lower_is_better_of_errors_whatever_they_are_a_mean_of(metric: str) -> None:
    assert is_error(metric)


@pytest.mark.parametrize("metric", OTHERS)
def test_higher_is_better_of_accuracies_and_probabilities(metric: str) -> None:
    assert not is_error(metric)


@pytest.mark.parametrize(
    ("metric", "quantity", "choices"),
    [
        ("bits_per_byte_answer_mean", "bits_per_byte", ("answer", "mean", None)),
        ("bits_per_byte_scored_pooled_macro", "bits_per_byte", ("scored", "pooled", "macro")),
        ("bits_per_byte_document_pooled", "bits_per_byte", ("document", "pooled", None)),
        ("bits_per_byte_other_mean_micro", "bits_per_byte_other", (None, "mean", "micro")),
        ("bits_per_byte_answer_published", "bits_per_byte_published", ("answer", None, None)),
        ("nats_answer_macro", "nats", (None, None, "macro")),
        ("nats_per_token", "nats_per_token", (None, None, None)),
        ("error_rate_per_byte_micro", "error_rate_per_byte", (None, None, "micro")),
    ],
)
def test_choices_are_read_from_the_names_of_metrics(
    metric: str, quantity: str, choices: tuple[str | None, ...]
) -> None:
    found = Metric.parse(metric)
    assert (found.quantity, found.bytes, found.items, found.subjects) == (quantity, *choices)


@pytest.mark.parametrize(
    ("metric", "compares"),
    [
        *(
            (name, True)
            for name in ("accuracy_macro", "log_probability_per_byte", "brier", "acc_norm", "mcc")
        ),
        *((name, False) for name in ("bits_per_byte_other_mean", "nats_answer_mean", "word_perplexity")),
        ("likelihood_diff", False),  # of lm-eval's CrowS-Pairs
    ],
)
def test_a_metric_compares_choices_or_says_how_probable_a_text_is(metric: str, compares: bool) -> None:
    assert Metric.parse(metric).compares_choices == compares


def test_the_error_rate_of_an_accuracy_keeps_what_it_is_a_mean_of() -> None:
    assert Metric.parse("accuracy_per_byte_macro").error_rate == "error_rate_per_byte_macro"
    assert Metric.parse("probability_macro").error_rate is None


def test_bits_per_byte_of_the_answer_come_first_then_other_errors_then_the_rest() -> None:
    ordered = [
        *(
            "bits_per_byte_answer_mean_micro",
            "bits_per_byte_answer_mean_macro",
            "bits_per_byte_answer_pooled_micro",
        ),
        *("bits_per_byte_document_pooled", "bits_per_byte_document_mean", "bits_per_byte_scored_mean_micro"),
        *(
            "bits_per_byte_other_mean_micro",
            "nats_answer_mean_micro",
            "error_rate_micro",
            "brier",
            "accuracy",
        ),
    ]
    assert sorted(ordered, key=lambda name: Metric.parse(name).preference) == ordered


@pytest.mark.parametrize("kind", ["rolling", "multiple_choice"])
def test_every_metric_of_a_suite_has_a_title_of_its_own_and_is_composed_of_its_parts(kind: str) -> None:
    for names in (metric_names(kind), metric_names(kind, has_subjects=True)):
        metrics = [Metric.parse(name) for name in names]
        assert all(metric.title != metric.name.replace("_", " ") for metric in metrics)
        for metric in metrics:
            if metric.quantity != "nats":  # of which the bytes are not read
                assert Metric.of(metric.quantity, metric.bytes, metric.items, metric.subjects) == metric
