"""Code packages: one deterministic zip a function, with what its import graph reaches and nothing else.

`reach` says what belongs in, `wheels` gets the libraries for the target, `archive` writes the zip, `building` puts them
together.

Not named packaging: Pulumi runs this project's folder as a program, where that name would hide a library's.
"""
