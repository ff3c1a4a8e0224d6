"""Joint tests in sentences: whether the groups of a suite differ in their exponents."""

from collections.abc import Sequence
from dataclasses import dataclass

from relscale.fitting.analyses.joint_test import JointTestRow, sentence, some_group_moves
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.fitting.verdicts.words import UNNAMED, Names

Key = tuple[str | None, ...]  # corpus, optimizer, suite, prompt, metric


@dataclass(frozen=True)
class JointTest:
    """One test: the suite, the models and the row; a name that is the same for all tests is empty."""

    suite: str
    models: str
    row: JointTestRow

    @property
    def line(self) -> str:
        """The test in one sentence."""
        location = ", ".join(filter(None, (self.suite, self.models)))
        return ": ".join(filter(None, (location, sentence(self.row))))


def joint_tests(
    tests: Sequence[JointTestRow], counted: Sequence[VerdictRow], names: Names = UNNAMED
) -> list[JointTest]:
    """One test per suite and corpus of the ``counted`` gaps, for the population of items if known."""
    by_key: dict[Key, JointTestRow] = {}
    for row in tests:
        key: Key = (row.corpus, row.optimizer, row.suite, row.prompt, row.metric)
        before = by_key.get(key)
        if before is None or before.p_value is None or row.estimand == Estimand.ITEM_POPULATION:
            by_key[key] = row if row.p_value is not None or before is None else before
    shown: dict[Key, VerdictRow] = {}
    for gap in counted:
        if gap.contrast == "group":
            shown.setdefault((gap.corpus, gap.optimizer, gap.suite, gap.prompt, gap.metric), gap)
    several = [len({key[i] for key in shown}) > 1 for i in range(3)]  # corpora, optimizers, suites
    return [
        JointTest(
            names.suite(gap) if several[2] else "",
            ", ".join(name for name, many in zip(key[:2], several, strict=False) if many and name),
            by_key[key],
        )
        for key, gap in shown.items()
        if key in by_key and by_key[key].p_value is not None
    ]


def joint_summary(tests: Sequence[JointTest]) -> str:
    """All tests in one sentence; empty if there are none."""
    if len(tests) < 2:
        return "".join(test.line for test in tests)
    moving: dict[str, list[str]] = {}
    for test in tests:
        if some_group_moves(test.row):
            moving.setdefault(test.suite, []).append(test.models)
    count = sum(map(len, moving.values()))
    which = []
    for suite, models in moving.items():
        of = ", ".join(filter(None, models))
        which.append(f"{suite} ({of})" if suite and of else suite or of)
    return (
        "in joint tests of all groups of a suite (not adjusted for the number of tests), "
        f"groups differ in their exponents in {count} of {len(tests)}{': ' if which else ''}{', '.join(which)}"
    )


def as_sentence(line: str) -> str:
    """The line with a capital first letter and a full stop."""
    return f"{line[:1].upper()}{line[1:]}."
