"""What holds for all tests.

Property tests draw the same examples everywhere, so that a change is what breaks a test, and no chance;
``pytest --hypothesis-profile search`` looks for new ones. In parallel (``make test``) a module belongs to one process,
for its fixtures, and so do those of workflows, which share a small experiment that is trained once and processes that
have imported what jobs need, and those of scoring and the others that import lm-eval or transformers, which takes
seconds; the longest come first.

Tests that take long are marked ``slow``, and ``make quick`` leaves them out; of a module of slow tests alone it imports
nothing. A test without the mark that takes more than ``CPU_SECONDS`` is named at the end.
"""

import gc
import os
import re
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from relscale.cli import GC_THRESHOLDS
from relscale.heap import keep_freed_memory

FIRST = (
    *("test_micro_experiment", "test_checkpoint_experiment", "test_killed_workflow"),
    *("test_released_experiment", "test_measurements_experiment", "test_hostile_models", "test_failures"),
    *("test_paper_experiment", "test_streamed_experiment", "test_own_text", "test_all_results", "test_rules"),
    *("test_slurm", "test_hostile_names", "test_job", "test_resume", "test_devices"),
    *("test_starting_points", "test_doors", "test_fit", "test_robustness"),
    *("test_shards", "test_figures", "test_named_tasks", "test_data_suites", "test_provenance"),
    *("test_report_in_a_browser", "test_shared_budgets", "test_lm_eval_tasks", "test_extending"),
)
SCORE_MODELS = (
    "test_doors",
    "test_public_api",
    "test_hostile_data",
    "test_gpu_benchmark",
)  # beside tests/scoring
CPU_SECONDS = 3  # of a test that is not marked slow, at most
SLOW_ALONE = re.compile(r"^pytestmark = (\[\s*)?pytest\.mark\.slow\b", re.MULTILINE)

settings.register_profile(
    "steady", deadline=None, derandomize=True, max_examples=60
)  # a busy machine is no failure
settings.register_profile("search", deadline=None, max_examples=300)
settings.load_profile("steady")


def pytest_configure() -> None:
    keep_freed_memory()  # as commands do, like the next
    gc.set_threshold(*GC_THRESHOLDS)


@pytest.fixture(scope="module")
def torch_alone() -> Iterator[None]:
    """Models train by torch's own operations: what those do can be counted, what a kernel does cannot."""
    from relscale.training.cpu import native

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RELSCALE_NATIVE", "0")
        patch.setattr(native, "library", lambda: None)
        yield


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    return SLOW_ALONE.search(collection_path.read_text(encoding="utf-8")) is not None or None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    before = sum(os.times()[:4])  # with the processes that have ended
    try:
        return (yield)
    finally:
        item.user_properties.append(("CPU seconds", sum(os.times()[:4]) - before))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed"):
        seconds = dict(report.user_properties).get("CPU seconds", 0)
        if report.when == "call" and "slow" not in report.keywords and seconds > CPU_SECONDS:
            terminalreporter.write_line(
                f"{report.nodeid} takes {seconds:.0f} s: make it quick or mark it slow"
            )


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Of the folders, each worker begins with another share, and reads what others have compiled meanwhile."""
    report = yield
    if isinstance(collector, pytest.Dir):
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        first = worker * len(report.result) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        report.result = [*report.result[first:], *report.result[:first]]
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: (place.get(item.path.stem, len(FIRST)), item.path))


def pytest_collection_finish() -> None:
    gc.freeze()  # what all tests import is not searched for garbage again and again


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = Path(nodeid.partition("::")[0])
            if path.parent.name == "scoring" or path.stem in SCORE_MODELS:
                return "models are scored"
            together = path.parent.name == "workflow" and path.stem != "test_slurm"
            return str(path.parent if together else path)

    return ByModule(config, log)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small experiment of tables, ``tests.yaml``, and its results."""
    from finished_experiment import make_finished

    return make_finished(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package whose code a test may edit."""
    from forgotten_digests import forget

    from relscale import provenance

    copy = tmp_path / "relscale"
    shutil.copytree(provenance.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", copy)
    forget()
    yield copy
    forget()
