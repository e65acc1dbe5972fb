"""The refunds agent: an ordinary agent that answers questions about orders."""
