"""Versions of the node's database, one file each; docs/operations.md, "Upgrading"."""
