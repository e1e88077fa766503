"""What every emulated service stands on: routing, signatures, errors, state, clock, faults, journal."""
