"""tool, the hands: opens the delegation, obtains the credential, makes the call."""
