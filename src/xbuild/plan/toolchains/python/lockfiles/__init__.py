"""Lock files: a reader for each format (`formats.FORMATS`), which are imported when one is read."""
