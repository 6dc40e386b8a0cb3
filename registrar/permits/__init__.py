"""Opening permits: the registrar asks the holders and signs, once."""
