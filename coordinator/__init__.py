"""A requester: asks departments under a letter, has their answers opened, draws what follows."""
