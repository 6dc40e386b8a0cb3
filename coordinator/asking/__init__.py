"""Asking the departments: one ticket each, every answer verified on arrival."""
