import pytest

from relscale.errors import RelscaleError
from relscale.training import numerical_path, precision
from relscale.training.options import Training
from relscale.training.precision import NARROWEST_AUTOCAST, Products, choose_precision, choose_products

AUTO = Training()


@pytest.mark.parametrize("able", [True, False])
def test_autocast_wants_a_device_and_a_width_that_gain(able, monkeypatch):
    monkeypatch.setattr(precision, "has_bf16", lambda: able)
    monkeypatch.setattr(precision, "has_bf16_kernels", lambda threads, compiled: False)
    assert choose_precision(AUTO, NARROWEST_AUTOCAST - 1) == "float32"
    assert choose_precision(AUTO, NARROWEST_AUTOCAST) == ("bf16" if able else "float32")


@pytest.mark.parametrize("option", [{}, {"threads": 2}, {"compile": True}])
@pytest.mark.parametrize("macros", [{"__STDC__", "__AVX512BF16__"}, {"__STDC__"}, set()])
@pytest.mark.parametrize("flags", [{"avx2", "avx512_bf16"}, {"avx2"}, set()])
def test_kernels_multiply_bf16_at_any_width_for_one_thread_that_is_not_compiled(
    option, macros, flags, monkeypatch
):
    """A compiler may be too old for the processor's instructions or be told of those it lacks, and there may be none;
    not every system lists the instructions."""
    monkeypatch.setattr(numerical_path, "has_gpu", lambda: False)
    monkeypatch.setattr(numerical_path, "processor_flags", lambda: frozenset(flags))
    monkeypatch.setattr(numerical_path, "_macros", lambda: frozenset(macros))
    able = len(macros) == 2 and not option and flags != {"avx2"}
    options = AUTO.model_copy(update=option)
    assert choose_precision(options, 8) == ("bf16" if able else "float32")
    path = numerical_path.numerical_path(options.threads, options.compile)
    assert (path["kernels"], path["kernels in bf16"]) == (bool(macros), able)
    asked = options.model_copy(update={"precision": "bf16"})
    assert choose_products(asked, 8) == (Products.BF16_KERNELS if able else Products.BF16_AUTOCAST)
    assert choose_products(options, 8) == (Products.BF16_KERNELS if able else Products.FLOAT32)


def test_what_is_asked_for_is_taken():
    assert choose_precision(Training(precision="bf16"), 16) == "bf16"
    assert choose_precision(Training(precision="float32"), 4096) == "float32"


def test_an_unknown_precision_is_named_with_those_there_are():
    with pytest.raises(RelscaleError, match="'fp16'; choose from auto, float32, bf16"):
        choose_precision(AUTO.model_copy(update={"precision": "fp16"}), 64)
