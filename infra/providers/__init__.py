"""One module per kind of resource: its arguments, how it is found, how it is created.

`find` returns None when there is no such resource; `ensure` creates it then, and brings what differs into line.
The same create code serves the ensure of `fujie dev` and the dynamic providers of Pulumi.
"""
