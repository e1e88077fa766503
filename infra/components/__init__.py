"""The parts of the stack, one idea each: `XArgs` in, a component `X` whose type token is a public promise."""
