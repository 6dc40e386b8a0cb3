"""Versions of the registrar's database, one file each; docs/operations.md, "Upgrading"."""
