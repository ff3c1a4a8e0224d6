"""Distances of sources from a target."""

import numpy as np

from relscale.questions import transport
from relscale.storage.column_arrays import Columns


def test_a_source_like_the_target_is_within_its_deviation_and_another_is_not() -> None:
    rng = np.random.default_rng(0)
    words = {"target": "abcd", "alike": "abcd", "other": "wxyz"}
    group = np.repeat(np.array(list(words), dtype=object), 80)
    text = np.array(["".join(rng.choice(list(words[name]), 40)) for name in group], dtype=object)
    found = {
        row.source: row
        for row in transport.rows(Columns({"text": text, "group": group}), target="target", sample=30)
    }
    assert (found["target"].above_target, found["target"].above_sd) == (0, 0)
    assert abs(found["alike"].above_target) < 3 * found["alike"].above_sd
    assert found["other"].above_target > 10 * found["other"].above_sd
