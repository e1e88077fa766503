"""Push notifications: who wants to hear how a run goes, and telling them without being led astray."""
