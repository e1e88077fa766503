"""A page that shows what the account holds and what was asked of it; it changes nothing and shows no secret."""
