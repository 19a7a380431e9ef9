"""The languages that `xbuild generate` knows, in the order in which they are listed."""
