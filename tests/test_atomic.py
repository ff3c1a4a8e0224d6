import errno
import multiprocessing
import os
import re
import resource
import signal
from pathlib import Path

import forks
import pyarrow
import pytest

from relscale.storage import atomic
from relscale.storage.atomic import atomic_path, remove_all_partials, remove_partials, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    write_text(path, "old")
    with pytest.raises(IsADirectoryError), atomic_path(path) as partial:
        partial.write_text("ne")
        tmp_path.write_text("fails, since it is a folder")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]


def test_a_folder_is_replaced_whole(tmp_path):
    path = tmp_path / "run"
    for content in ("one", "two"):
        with atomic_path(path) as partial:
            partial.mkdir()
            (partial / content).write_text(content)
    assert names(path) == ["two"]
    assert names(tmp_path) == ["run"]


def test_no_folder_gives_way_to_a_file(tmp_path):
    (tmp_path / "mine.csv").mkdir()
    (tmp_path / "mine.csv" / "kept").write_text("kept")
    with pytest.raises(IsADirectoryError, match="a folder is there; name a file"):
        write_text(tmp_path / "mine.csv", "a,b")
    assert (tmp_path / "mine.csv" / "kept").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


def test_an_error_names_the_file_and_not_its_temporary_sibling(tmp_path):
    path = tmp_path / "mine.csv"
    with pytest.raises(FileNotFoundError) as failed, atomic_path(path) as partial:
        raise FileNotFoundError(errno.ENOENT, f"Failed to open local file '{partial}'")
    assert failed.value.filename == str(path)
    assert "partial" not in str(failed.value)


def test_the_ending_is_kept_so_that_writers_choose_the_format_by_it(tmp_path):
    with atomic_path(tmp_path / "table.parquet") as partial:
        assert partial.suffix == ".parquet"
        partial.touch()


def test_what_is_durable_is_on_disk_before_it_has_its_name_and_so_is_the_name(tmp_path, monkeypatch):
    path, flushed = tmp_path / "run", []
    monkeypatch.setattr(atomic, "_flush_path", lambda on_disk: flushed.append((on_disk.name, path.exists())))
    with atomic_path(path, durable=True) as partial:
        (partial / "below").mkdir(parents=True)
        (partial / "below" / "weights").write_text("numbers")
    before = [name for name, is_there in flushed if not is_there]
    assert {"below", "weights", partial.name} == set(before)
    assert flushed[-1] == (tmp_path.name, True)


def write_half(path):
    with atomic_path(path) as partial:
        partial.mkdir()
        (partial / "half").touch()
        os.kill(os.getpid(), signal.SIGKILL)


def abandoned(path):
    """Half of ``path``, by a process that was killed."""
    assert forks.ended(write_half, path) == -signal.SIGKILL
    (partial,) = path.parent.glob(".*")
    return partial


def test_what_a_killed_process_left_half_written_goes_when_its_file_is_written(tmp_path):
    abandoned(tmp_path / "run")
    with atomic_path(tmp_path / "run") as partial:
        partial.mkdir()
    assert names(tmp_path) == ["run"]


def test_what_a_killed_process_left_goes_with_a_sweep_of_the_folder(tmp_path):
    abandoned(tmp_path / "run")
    remove_all_partials(tmp_path)
    assert names(tmp_path) == []


def test_what_lives_is_left_alone(tmp_path):
    with atomic_path(tmp_path / "run") as partial:
        partial.mkdir()
        remove_all_partials(tmp_path)
        remove_partials(tmp_path / "run")
        assert partial.is_dir()


def test_what_another_machine_writes_is_left_alone_until_nothing_changes_for_a_day(tmp_path):
    path = abandoned(tmp_path / "run")
    elsewhere = path.rename(path.with_name(re.sub("partial-.{8}", "partial-0123abcd", path.name)))
    remove_all_partials(tmp_path)
    assert elsewhere.is_dir()
    for each in (elsewhere / "half", elsewhere):
        os.utime(each, (0, 0))
    remove_all_partials(tmp_path)
    assert not elsewhere.exists()


def write_often(path, text):
    for _ in range(30):
        with atomic_path(path, durable=False) as partial:
            partial.mkdir()
            for name in "abc":
                (partial / name).write_text(text)


@pytest.mark.slow
def test_of_many_that_write_a_folder_at_once_each_succeeds_and_one_is_left_whole(tmp_path):
    writers = [
        forks.FORKS.Process(target=write_often, args=[tmp_path / "run", text])
        for text in ("one", "two", "three")
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert names(tmp_path) == ["run"]
    assert len({path.read_text() for path in (tmp_path / "run").iterdir()}) == 1
    assert names(tmp_path / "run") == ["a", "b", "c"]


def write_to_a_full_disk(folder, said):
    """The libraries that meet the system's error, with the file it names; no file may have over a thousand bytes."""
    import torch
    from safetensors.torch import save_file
    from tokenizers import Tokenizer
    from tokenizers.models import BPE

    from relscale.storage.tables import write_table
    from relscale.training.state import write_state

    numbers = torch.arange(10_000)

    def by(write):
        with atomic_path(folder / "file") as partial:
            write(partial)

    vocabulary = {str(n): n for n in range(1000)}
    writers = {
        "torch": lambda: write_state(folder / "state", {"numbers": numbers}),
        "pyarrow": lambda: write_table(pyarrow.table({"numbers": numbers.numpy()}), folder / "table.parquet"),
        "safetensors": lambda: by(lambda path: save_file({"numbers": numbers}, path)),
        "python": lambda: by(lambda path: path.write_bytes(numbers.numpy().tobytes())),
        "tokenizers": lambda: by(lambda path: Tokenizer(BPE(vocabulary, [])).save(str(path))),
    }
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    errors = []
    for name, write in writers.items():
        try:
            write()
        except OSError as error:
            errors.append((name, Path(error.filename).name))
    said.send(errors)


@pytest.mark.slow
def test_a_full_disk_is_the_systems_error_whichever_library_meets_it_and_leaves_no_half(tmp_path):
    heard, said = multiprocessing.Pipe(duplex=False)
    assert forks.ended(write_to_a_full_disk, tmp_path, said) == 0
    assert heard.recv() == [
        *(("torch", "state.pt"), ("pyarrow", "table.parquet")),
        *((name, "file") for name in ("safetensors", "python", "tokenizers")),
    ]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
