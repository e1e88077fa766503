"""One stack over a PostgreSQL of its own for all that happens to it here."""

import pytest

from tests.scale_out.rig import Rig
from tests.sessions.conftest import postgresql, postgresql_url  # noqa: F401 - fixtures


@pytest.fixture(scope="module")
def rig(postgresql_url, tmp_path_factory):  # noqa: F811
    with Rig(tmp_path_factory.mktemp("scale-out"), postgresql_url) as rig:
        yield rig
