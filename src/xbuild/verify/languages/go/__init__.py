"""Go: the linker writes into every program what it was built from, for what, and with which settings."""
