"""Opening the answers: the permit, and the relay between the key holders."""
