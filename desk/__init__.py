"""What people touch: a client library, and the two command lines that print."""
