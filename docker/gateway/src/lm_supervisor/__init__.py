"""Keeps the gateway and the model servers of the sandbox running and tells their state."""
