"""IMS (2019-08-15): the account's OAuth applications and their secrets."""
