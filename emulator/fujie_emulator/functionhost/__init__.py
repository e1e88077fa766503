"""Function Compute's data plane on a laptop: instances, triggers, one origin, asynchronous invocations."""
