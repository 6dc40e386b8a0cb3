"""The log and its formats: entries, tree, checkpoints, witness. The writing side."""
