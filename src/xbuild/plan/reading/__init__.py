"""Reading a stage, instruction by instruction and command by command."""
