"""Which stages are pinned, and why: the planner."""
