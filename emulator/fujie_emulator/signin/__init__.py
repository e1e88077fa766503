"""Alibaba Cloud's sign-in and OAuth server: authorize, token, keys, userinfo, revoke, discovery."""
