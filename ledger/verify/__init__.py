"""The offline reader of ledgers; it shares no code with the writer."""
