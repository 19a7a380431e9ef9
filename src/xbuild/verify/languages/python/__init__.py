"""Python: what its interpreters, installed packages and environments say, against a platform."""
