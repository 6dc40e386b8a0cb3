"""The key-holder role: masker, evaluator, or one more share. Any node process may take it."""
