"""The gateways that the sidecar is compared with, each with its settings for the job of the goal policy."""

import pathlib
import sys

# Portkey, and a free port, are found as the bench finds them. Last, since both folders have a world.py.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
