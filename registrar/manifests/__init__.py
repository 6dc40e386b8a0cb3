"""Manifests, tickets and the revocation list."""
