"""What is shown: standard output has what was asked for, standard error what is said about it."""
