"""Authorization letters: registered by a clerk, put into force by a checker."""
