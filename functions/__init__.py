"""The four functions: thin apps around `fujie`; none imports another."""
