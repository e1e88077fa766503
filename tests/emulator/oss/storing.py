"""Objects put into a cloud's store in this process."""

import asyncio

from fujie_emulator.oss import objects


def received(cloud, body):
    """Return bytes as the store receives them: what identifies them, and their file."""

    async def chunks():
        yield body

    return asyncio.run(objects.blobs(cloud).receive(chunks()))


def stored(cloud, bucket, key, body):
    """Put an object and return it."""
    incoming = received(cloud, body)
    made = objects.object_of_blob(cloud, bucket, key, incoming[0], objects.Written())
    return objects.put_object(cloud, made, incoming)
