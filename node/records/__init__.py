"""The department's own records: mapping, CSV import, and the tables they end up in."""
