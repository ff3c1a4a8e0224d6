"""The joint tests in sentences: whether any group of a suite moves, before each gap is looked at."""

from collections.abc import Sequence

from relscale.fitting.analyses.joint_test import JointTestRow, sentence
from relscale.fitting.inference.estimand import Estimand
from relscale.fitting.verdicts.verdict_rows import VerdictRow
from relscale.fitting.verdicts.words import UNNAMED, Names

Key = tuple[str | None, ...]  # corpus, optimizer, suite, prompt, metric


def joint_lines(
    tests: Sequence[JointTestRow], counted: Sequence[VerdictRow], names: Names = UNNAMED
) -> list[str]:
    """One per suite and corpus of the gaps that are ``counted``, of the population of items where it is known."""
    chosen: dict[Key, JointTestRow] = {}
    for row in tests:
        key: Key = (row.corpus, row.optimizer, row.suite, row.prompt, row.metric)
        before = chosen.get(key)
        if before is None or before.p_value is None or row.estimand == Estimand.ITEM_POPULATION:
            chosen[key] = row if row.p_value is not None or before is None else before
    shown: dict[Key, VerdictRow] = {}
    for gap in counted:
        if gap.contrast == "group":
            shown.setdefault((gap.corpus, gap.optimizer, gap.suite, gap.prompt, gap.metric), gap)
    suites = {gap.suite for gap in shown.values()}
    corpora = {(gap.corpus, gap.optimizer) for gap in shown.values()}
    lines = []
    for place, gap in shown.items():
        said = sentence(chosen[place]) if place in chosen else ""
        where = [names.suite(gap)] if len(suites) > 1 else []
        if len(corpora) > 1:
            where += [name for name in (gap.corpus, gap.optimizer) if name]
        if said:
            lines.append(": ".join([", ".join(where), said]) if where else said)
    return lines
