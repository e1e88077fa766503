"""Programs of the peers, each for the environment that has it."""
