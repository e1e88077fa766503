"""The system policies that the emulated products bring along.

From the public documentation, except the body of AliyunAgentIdentityFullAccess, which nobody published: ours is
`agentidentity:*` and `agentidentitydata:*`, because its holders also fetch workload access tokens.
"""

from typing import Any


def _allowing(*actions: str) -> dict[str, Any]:
    return {"Version": "1", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


SYSTEM_POLICIES: dict[str, dict[str, Any]] = {
    "AdministratorAccess": _allowing("*"),
    "AliyunAgentIdentityFullAccess": _allowing("agentidentity:*", "agentidentitydata:*"),
    "AliyunAgentIdentityReadOnlyAccess": _allowing("agentidentity:Get*", "agentidentity:List*"),
    "AliyunAgentIdentityDataFullAccess": _allowing("agentidentitydata:*"),
    "AliyunAgentIdentityDataGetCredentialAccess": _allowing(
        "agentidentitydata:GetResourceOAuth2Token", "agentidentitydata:GetResourceAPIKey"
    ),
    "AliyunAgentIdentityDataCompleteAuthAccess": _allowing("agentidentitydata:CompleteResourceTokenAuth"),
    "AliyunSTSAssumeRoleAccess": _allowing("sts:AssumeRole"),
    "AliyunOSSFullAccess": _allowing("oss:*"),
    "AliyunOSSReadOnlyAccess": _allowing("oss:Get*", "oss:List*"),
    "AliyunFCFullAccess": _allowing("fc:*"),
    "AliyunFCInvocationAccess": _allowing("fc:InvokeFunction"),
    "AliyunRAMFullAccess": _allowing("ram:*"),
    "AliyunRAMReadOnlyAccess": _allowing("ram:Get*", "ram:List*"),
}
