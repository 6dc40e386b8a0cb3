"""Versions of the coordinator's database, one file each; docs/operations.md, "Upgrading"."""
