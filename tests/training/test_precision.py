import pytest

from relscale.errors import RelscaleError
from relscale.training import precision
from relscale.training.precision import NARROWEST_BF16, choose_precision


@pytest.mark.parametrize("able", [True, False])
def test_automatic_precision_wants_a_processor_and_a_width_that_gain(able, monkeypatch):
    monkeypatch.setattr(precision, "has_bf16", lambda: able)
    assert choose_precision("auto", NARROWEST_BF16 - 1) == "float32"
    assert choose_precision("auto", NARROWEST_BF16) == ("bf16" if able else "float32")
    assert choose_precision("bf16", 16) == "bf16"
    assert choose_precision("float32", 4096) == "float32"


def test_an_unknown_precision_is_named_with_those_there_are():
    with pytest.raises(RelscaleError, match="'fp16'; choose from auto, float32, bf16"):
        choose_precision("fp16", 64)
