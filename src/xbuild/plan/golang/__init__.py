"""What the Go toolchain knows of go commands, one question per module."""
