"""The registrar: authorizations, manifests, tickets, permits, the oblivious PRF."""
