"""The cloud on a laptop: Alibaba Cloud services that the official clients accept."""
