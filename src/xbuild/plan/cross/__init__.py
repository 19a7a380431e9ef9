"""C compilers for other platforms, and the libraries that they link."""
