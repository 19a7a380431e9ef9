"""StageGraph and platforms → Plan: per stage a verdict, with its evidence."""
