"""Samples: what a reviewer drew, and its opening to this reviewer alone."""
