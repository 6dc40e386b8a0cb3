"""The reviewer's checks of a sample: pure, offline, on verified ledgers and what was opened."""
