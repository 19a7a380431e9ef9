"""The doors: one file per subcommand."""
