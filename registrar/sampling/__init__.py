"""Samples: what a reviewer drew, and its disclosure to this reviewer alone."""
