"""The gateways that the sidecar is compared with, each with its settings for the job of the goal policy."""
