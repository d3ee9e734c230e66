"""stream_guard: finds accounts that copy a model through its API, and stops them together."""

__version__ = "0.1.0"
