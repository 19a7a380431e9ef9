"""Shell lines made from the descriptions of programs, run for real, and compared with what was predicted."""
