"""The official client of Message Service."""

from contextlib import contextmanager

from mns.account import Account


@contextmanager
def queue_of(served, name, key_id=None, secret=None, token=""):
    """Yield a queue of the account, and close the connection that the client would leave open."""
    account = Account(served.url, key_id or served.access_key_id, secret or served.access_key_secret, token)
    try:
        yield account.get_queue(name)
    finally:
        account.mns_client.http.conn.close()
