"""Property tests: the same examples everywhere, so that a change is what breaks a test, and no chance.

``pytest --hypothesis-profile search`` looks for new ones.
"""

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True)  # a busy machine is no failure
settings.register_profile("search", deadline=None)
settings.load_profile("steady")
