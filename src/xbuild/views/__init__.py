"""Report of outcome and time saved, and the ways to show it."""
