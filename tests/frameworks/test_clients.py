"""The official clients of PPIO and AgentCore, in an environment that has them, before our agents."""

from tests.frameworks.environments import run_inside
from tests.frameworks.front import front_over_tls


def test_the_clients_of_ppio_and_agentcore_are_answered(tmp_path):
    with front_over_tls(tmp_path) as (address, certificate):
        run_inside(
            "clients",
            FRONT=address,
            SSL_CERT_FILE=certificate,
            AWS_CA_BUNDLE=certificate,
            AWS_ENDPOINT_URL_BEDROCK_AGENTCORE=f"https://{address}",
            AWS_EC2_METADATA_DISABLED="true",
            AWS_MAX_ATTEMPTS="1",
        )
