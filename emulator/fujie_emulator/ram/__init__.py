"""Resource Access Management 2015-05-01: roles, policies, and the judge of every permission."""
