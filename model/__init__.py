"""What all sides must agree on: pure, no I/O, no clock, no randomness of its own."""
