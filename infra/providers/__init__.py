"""The kinds of resources that no Pulumi provider has, one module each: how one is found, created, updated, deleted.

The same code serves the ensure of `fujie dev` (kind.py) and Pulumi (dynamic.py, resources.py).
"""
