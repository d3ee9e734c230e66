"""Bytes to records and back: what the outside world says, and what we make of it."""
