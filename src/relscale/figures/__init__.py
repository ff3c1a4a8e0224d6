"""The chart layer (``chart``), and one file per figure."""

import sys

from relscale.callable_package import CallablePackage

sys.modules[__name__].__class__ = CallablePackage
