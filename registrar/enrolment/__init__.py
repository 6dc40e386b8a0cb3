"""The oblivious PRF for departments, and the budgets that bound it."""
