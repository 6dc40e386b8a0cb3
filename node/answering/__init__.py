"""One ticket, one answer: checks, matching, measures, encryption, reply."""
