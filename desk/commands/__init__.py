"""The command line of civil affairs, registrar and reviewers. One module per noun."""
