"""The optimal mixture of an experiment becomes a corpus of its config, which the law predicts and is not fitted to."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from relscale.cli import main
from relscale.errors import RelscaleError
from relscale.experiments.config import load_config
from relscale.fitting.estimation.tried_mixtures import targets_called, tried_mixtures
from relscale.laws import mixture_additive
from relscale.storage.tables import read_table, write_table

CONFIG = """
experiment: mixed
sources: {web: {kind: files, path: web}, code: {kind: files, path: code}}
corpora: {equal: {parts: [{source: web, name: prose, weight: 1}, {source: code, weight: 1}]}, web: {source: web}}
design:
  recipe: laptop
  flop_accounting: training
  sequence_length: 256
  budgets: [2e11]
  widths: [24]
  mixtures: {parts: {prose: {source: web}, code: {source: code}}, number: 4}
fit:
  laws:
    - name: by_share
      law: mixture_additive
      x: [share_prose, share_code]
      where: {metric: bits}
      by: [group]
      residual: linear
"""
PROSE, CODE = np.array([1.0, 2.0, 0.2, 0.5, 0.5]), np.array([1.0, 0.2, 2.0, 0.5, 0.5])  # each prefers its own


def rows(corpus: str, prose: float, bend: float = 0.0) -> list[dict[str, object]]:
    """Both groups of one model, at a share of prose."""
    x = np.array([[prose], [1 - prose]])
    return [
        {
            **{"experiment": "mixed", "corpus": corpus, "optimizer": "adam", "run": corpus, "step": 1},
            **{
                "group": group,
                "metric": "bits",
                "status": "ok",
                "share_prose": prose,
                "share_code": 1 - prose,
            },
            "value": float(mixture_additive.value(theta, x)[0]) + bend,
        }
        for group, theta in (("prose", PROSE), ("code", CODE))
    ]


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """A config and the measurements of 12 mixtures, in the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("mixed.yaml").write_text(CONFIG)
    found = [row for i, prose in enumerate(np.linspace(0, 0.9, 12)) for row in rows(f"m{i}", prose)]
    write_table(pa.Table.from_pylist(found), Path("bits.parquet"))
    return found


def mix(*options: str) -> int:
    return main(["mix", "mixed.yaml", "--measurements", "bits.parquet", "--draws", "0", *options])


def weights(config: str, corpus: str) -> dict[str, float]:
    return {part.label: part.weight for part in load_config(config).corpora[corpus].mixture}


@pytest.mark.usefixtures("measured")
def test_two_mirrored_targets_are_best_served_in_equal_parts_and_a_heavier_one_by_more_of_its_own() -> None:
    assert mix("--output", "equal.yaml") == 0
    assert weights("equal.yaml", "optimum") == pytest.approx({"prose": 0.5, "code": 0.5}, abs=2e-3)
    assert mix("--output", "code.yaml", "--weight", "code=3", "--name", "coding") == 0
    assert weights("code.yaml", "coding")["code"] > 0.6
    assert mix("--output", "prior.yaml", "--weight", "code=3", "--prior", "equal", "--kl", "100") == 0
    assert weights("prior.yaml", "optimum") == pytest.approx({"prose": 0.5, "code": 0.5}, abs=2e-3)


@pytest.mark.usefixtures("measured")
def test_one_target_alone_is_served_by_its_own_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert mix("--output", "code.yaml", "--target", "code") == 0
    assert "mean of code\n" in capsys.readouterr().out
    assert mix("--output", "weighted.yaml", "--weight", "prose=0") == 0
    assert weights("code.yaml", "optimum") == pytest.approx(weights("weighted.yaml", "optimum"), abs=2e-3)
    assert weights("code.yaml", "optimum")["code"] > 0.7


@pytest.mark.usefixtures("measured")
def test_a_target_that_is_not_called_takes_no_mixture_from_those_that_are() -> None:
    """One mixture without prose's value, and prose of all mixtures to be predicted."""
    table, entry = read_table(Path("bits.parquet")), load_config("mixed.yaml").fit.laws[0]
    cells = zip(table["run"].to_pylist(), table["group"].to_pylist(), strict=True)
    less = table.filter(pa.array([cell != ("m3", "prose") for cell in cells]))
    assert len(tried_mixtures(less, entry).runs) == 11
    assert len(tried_mixtures(less, entry, ["code"]).runs) == 12
    held_out = entry.model_copy(update={"predict": {"group": ("prose",)}})
    assert tried_mixtures(table, held_out, ["code"]).targets == ("code",)


def test_a_target_is_also_found_by_a_value_that_it_shares_with_others() -> None:
    targets = ("mmlu, stem", "mmlu, law", "code, python")
    assert targets_called(["mmlu"], targets) == targets[:2]
    assert targets_called(["mmlu, law", "python"], targets) == targets[1:]


@pytest.mark.usefixtures("measured")
def test_a_target_of_which_all_is_to_be_predicted_is_said_to_be() -> None:
    entry = load_config("mixed.yaml").fit.laws[0].model_copy(update={"predict": {"group": ("code",)}})
    with pytest.raises(
        RelscaleError, match="of the target 'code' are held out for prediction; none is left to fit"
    ):
        tried_mixtures(read_table(Path("bits.parquet")), entry)


def test_the_optimum_is_predicted_and_not_fitted(measured: list[dict[str, object]]) -> None:
    assert mix("--output", "further.yaml") == 0
    Path("further.yaml").replace("mixed.yaml")
    (law,) = load_config("mixed.yaml").fit.laws
    assert law.predict == {"corpus": ("optimum",)}
    outlier = rows("optimum", 0.5, bend=5.0)
    write_table(pa.Table.from_pylist(measured + outlier), Path("bits.parquet"))
    assert mix("--output", "again.yaml", "--name", "again") == 0
    assert load_config("again.yaml").fit.laws[0].predict == {"corpus": ("optimum", "again")}
    assert weights("again.yaml", "again") == weights("mixed.yaml", "optimum")


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--output", "../{folder}/mixed.yaml"], "mixed.yaml is the config itself, whose comments would be"),
        (["--weight", "prose"], "--weight: 'prose' is not a target with its weight, TARGET=NUMBER"),
        (["--kl", "inf"], "kl: inf is negative or not finite"),
        (["--draws", "-1"], "draws: -1 is negative"),
        (["--name", " "], "--name: empty"),
        (["--name", "equal"], "--name: the config already has a corpus 'equal'; choose another name"),
        (["--fit", "by_shares"], "no mixture law 'by_shares' under fit.laws; did you mean"),
        (["--target", "cod"], "--target: no target 'cod'; did you mean 'code'"),
        (["--target", "code", "--weight", "prose=1"], "--weight: no target 'prose'; "),
        (["--weight", "prosa=1"], "--weight: no target 'prosa'; did you mean"),
        (
            ["--prior", "web"],
            "--prior: the corpus 'web' has the part 'web', which is not in the law's mixtures",
        ),
        (["--at", "params=1e9"], "at: law mixture_additive has no predictor 'params' other than the shares"),
    ],
)
def test_a_mistake_is_one_sentence(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("mixed.yaml").read_text()
    assert mix(*(option.format(folder=Path.cwd().name) for option in options)) == 1
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert Path("mixed.yaml").read_text() == before


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            "loss: huber",
            "fit.laws.by_share: the optimal mixture is computed by unweighted least squares, without loss",
        ),
        ("fixed: {E: 1}", "without fixed"),
        (
            "predict: {run: [m1]}",
            "mixed.yaml: fit.laws.by_share.predict names run; name only corpora there",
        ),
    ],
)
def test_a_law_that_is_fitted_or_tried_otherwise_is_refused(
    options: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mixed.yaml").write_text(f"{CONFIG}      {options}\n")
    assert mix("--output", "further.yaml") == 1
    assert said in capsys.readouterr().err
    assert not Path("further.yaml").exists()


def test_a_group_that_is_called_like_a_share_is_refused(
    measured: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    called = [row | {"group": "share_code"} if row["group"] == "code" else row for row in measured]
    write_table(pa.Table.from_pylist(called), Path("bits.parquet"))
    assert mix() == 1
    assert "'share_code' is both a predictor and a target" in capsys.readouterr().err


@pytest.mark.usefixtures("measured")
def test_a_part_is_as_in_the_mixtures_and_one_name_is_of_one_part(capsys: pytest.CaptureFixture[str]) -> None:
    few = "{code: {source: code, unique_tokens: 9e4}, equal:"
    Path("mixed.yaml").write_text(CONFIG.replace("{equal:", few))
    assert mix("--output", "further.yaml") == 0
    parts = {part.label: part for part in load_config("further.yaml").corpora["optimum"].mixture}
    assert parts["code"].unique_tokens is None
    Path("mixed.yaml").write_text(CONFIG.replace("{source: code, weight", "{source: web, name: code, weight"))
    assert mix() == 1
    assert "share_code: corpora of the config have different parts of this name" in capsys.readouterr().err
