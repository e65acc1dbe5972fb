"""Starts the simulator: `python3 examples/simulator --port 8080`, or `python3 -m simulator`."""

import sys
from pathlib import Path

if not __package__:  # started as a directory, not as a module
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from simulator.app import main  # noqa: E402

sys.exit(main())
