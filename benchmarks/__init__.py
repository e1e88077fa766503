"""Speed, always as a ratio to a peer measured in the same run: these machines are shared and noisy."""
