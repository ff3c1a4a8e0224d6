"""Scaling laws, one per file: formula, parameters, linear terms, a grid of the other parameters, source and caveats.

``relscale.laws.catalogue`` looks them up by name; ``relscale.laws.separable`` and ``relscale.laws.implicit`` build
them.
"""

import sys

from relscale.callable_package import CallablePackage

sys.modules[__name__].__class__ = CallablePackage
