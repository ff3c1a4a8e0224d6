import json

import pytest

from relscale.errors import RelscaleError
from relscale.scoring.checkpoint_table import read_checkpoints, resolve

GPT2 = {"model_type": "gpt2", "n_embd": 4, "n_layer": 1, "n_head": 1, "n_positions": 3, "vocab_size": 5}
# Embeddings (its head is the same) and positions; a layer's attention, MLP and two norms; the last norm.
PARAMETERS = 4 * (5 + 3) + (4 * 12 + 12 + 4 * 4 + 4) + (4 * 16 + 16 + 16 * 4 + 4) + 2 * 8 + 8
HEADER = "model,corpus,params,tokens,training_flops"


@pytest.fixture
def table(tmp_path):
    """A function that writes a table beside a folder ``models/small`` with the configuration of a GPT-2."""
    folder = tmp_path / "models" / "small"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(GPT2))

    def write(*lines, header=HEADER):
        path = tmp_path / "runs.csv"
        path.write_text("\n".join([header, *lines]) + "\n")
        return path

    return write


def test_a_folder_is_relative_to_the_table_and_a_name_may_be_the_hubs(table, tmp_path):
    small, hub = read_checkpoints(table("models/small,web,6,10,360", "someone/large,web,70,10,4200"))
    assert small.model == str(tmp_path / "models" / "small")
    assert small.local
    assert (hub.model, hub.local) == ("someone/large", False)
    assert (small.run, hub.run) == ("small", "large")


@pytest.mark.slow
def test_parameters_are_counted_and_flops_are_six_times_params_and_tokens_where_the_table_has_none(table):
    (row,) = read_checkpoints(table("models/small,web,,1000,"))
    assert row.params == PARAMETERS
    assert row.training_flops == 6 * PARAMETERS * 1000


def test_a_run_is_a_block_of_its_own_unless_the_table_ties_it_to_others(table):
    header = f"{HEADER},run,revision,block"
    rows = read_checkpoints(
        table("a/b,web,1,1,1,,step1,", "a/b,web,1,1,2,,step2,b", "a/b,web,1,1,2,last,,b", header=header)
    )
    assert [row.run for row in rows] == ["b-step1", "b-step2", "last"]
    assert [row.block for row in rows] == ["b-step1", "b", "b"]


def test_a_checkpoint_tells_of_its_training_what_laws_can_ask(table):
    header = f"{HEADER},learning_rate,batch_tokens,unique_tokens,experts"
    first, last = read_checkpoints(table("a/b,web,1,9,1,1e-3,64,3,8", "a/c,web,1,9,1,0,64,,", header=header))
    assert (first.learning_rate, first.batch_tokens, first.unique_tokens, first.experts) == (1e-3, 64, 3, 8)
    assert (last.learning_rate, last.unique_tokens, last.streams) == (0, None, None)


@pytest.mark.parametrize(
    ("lines", "header", "message"),
    [
        (
            ["web,1,1,1"],
            "corpus,params,tokens,training_flops",
            "row 1: give a 'model' to score, or the 'samples'",
        ),
        (["a/b,web,1,1"], "model,corpus,params,tokens", "no column 'training_flops'"),
        (["a/b,web,1,1,1,x"], f"{HEADER},colour", "unknown column 'colour'; there are corpus, params"),
        (["a/b,web,1,1,1", "c/b,web,1,1,1"], HEADER, "rows 1 and 2 have the same name 'b'"),
        (["./nowhere,web,1,1,1"], HEADER, "nowhere' is neither a folder nor the name of a model on the hub"),
        (["a/b,web,1,-5,1"], HEADER, "row 1: tokens is -5; it should be positive"),
        (["a/b,web,many,1,1"], HEADER, "column 'params' is not numeric: row 1 is 'many'"),
        (["a/b,web,,1,"], HEADER, "no training_flops, and no params and tokens"),
        (["a/b,,1,1,1"], HEADER, "'corpus' is empty"),
        ([], HEADER, "the table is empty"),
    ],
)
def test_a_wrong_table_is_refused_in_one_line_that_names_the_row(table, lines, header, message):
    with pytest.raises(RelscaleError, match=message) as error:
        read_checkpoints(table(*lines, header=header))
    assert "\n" not in str(error.value)


def test_the_key_of_a_folder_is_its_content(table, tmp_path):
    path = table("models/small,web,6,10,360")
    (row,) = read_checkpoints(path)
    before = resolve(row)
    assert before == resolve(row)
    assert before.status == "ok"
    (tmp_path / "models" / "small" / "config.json").write_text('{"changed": 1}')
    assert resolve(row).key != before.key


def test_a_model_that_cannot_be_fetched_is_named_with_its_revision(table, monkeypatch):
    import huggingface_hub

    def refuse(*_, **__):
        raise OSError("no route\nto host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    (row,) = read_checkpoints(table("a/b,web,1,1,1,abc", header=f"{HEADER},revision"))
    with pytest.raises(RelscaleError, match=r"the model a/b at revision abc.*\(no route\)") as error:
        resolve(row)
    assert "\n" not in str(error.value)
