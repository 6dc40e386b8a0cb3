"""What is kept: the one writer, its two databases, salts and sealed values."""
