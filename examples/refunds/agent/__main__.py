"""Starts the agent: `python3 -m agent`."""

import sys

from .server import main

sys.exit(main())
