"""Signed calls that return values: no printing, no exit codes."""
