"""What drives cases: workers that take each running case one step on."""
