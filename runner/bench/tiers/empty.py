"""Nothing: what is left is the launch."""
