"""The HTTP gateway of the sandbox: commands, models and their runtimes behind one port and one token."""

VERSION = "0.1.0"
# Raised when a client written for the number before would no longer work.
API_REVISION = 1
