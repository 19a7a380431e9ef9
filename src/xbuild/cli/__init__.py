"""The doors: one file per subcommand, options in, exit code out; `screen` shows what is done meanwhile."""
