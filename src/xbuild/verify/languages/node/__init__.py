"""Node: files that V8 makes for the machine that it runs on, and that are no ELF files."""
