"""Plan → edits → new text and diff."""
