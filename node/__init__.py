"""A department: answers one ticket at a time about its own records."""
