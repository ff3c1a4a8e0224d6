"""What holds for all tests.

Property tests draw the same examples everywhere, so that a change is what breaks a test, and no chance;
``pytest --hypothesis-profile search`` looks for new ones. In parallel (``make test``) a module belongs to one process,
for its fixtures, and so do all that read the small experiment, which is trained once; the longest come first.
"""

from pathlib import Path

import pytest
from hypothesis import settings

FIRST = ("micro", "test_slurm", "test_streamed_experiment", "test_resume", "test_devices")

settings.register_profile("steady", deadline=None, derandomize=True)  # a busy machine is no failure
settings.register_profile("search", deadline=None)
settings.load_profile("steady")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        name = "micro" if "micro" in getattr(item, "fixturenames", ()) else Path(item.path).stem
        item.add_marker(pytest.mark.xdist_group(name))
    place = {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.get_closest_marker("xdist_group").args[0], len(FIRST)))
