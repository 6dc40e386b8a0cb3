"""Cross-witnessing: what this process has seen of the ledgers of others."""
