"""Documents that one party signs and others keep, and the canonical bytes that are signed."""
