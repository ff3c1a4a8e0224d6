"""``python -m relscale``: the command line."""

import sys

from relscale.cli import main

sys.exit(main())
