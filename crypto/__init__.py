"""Protocol mathematics as pure step functions: bytes and integers in, bytes and integers out.

Nothing here opens a socket, a file or a database, or reads a clock. Randomness is handed in
as an ``Rng`` (crypto.rng); every verification raises and none returns a bool.
"""
