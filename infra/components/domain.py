"""The one origin: a custom domain whose routes are the stack's route table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_alicloud as alicloud
from pulumi import Input, Output, ResourceOptions

from infra.components.component import Part

PLATFORM_PATHS = ("/invoke", "/initialize", "/pre-stop")
"""What Function Compute itself calls; no route leads there (fc.md 2.2)."""


@dataclass(frozen=True)
class DomainArgs:
    """The domain, its certificate (without one it serves plain HTTP), the route table, and the functions' names."""

    domain: str
    certificate: str
    certificate_key: Input[str]
    routes: Sequence[tuple[str, str]]
    """(path pattern, function), the first that fits counts."""
    functions: Mapping[str, Output[str]]


class Domain(Part):
    """The custom domain."""

    def __init__(self, name: str, args: DomainArgs, opts: ResourceOptions | None = None) -> None:
        check_routes(args.routes)
        super().__init__(name, opts)
        alicloud.fc.V3CustomDomain(
            name,
            custom_domain_name=args.domain,
            protocol="HTTPS" if args.certificate else "HTTP",
            cert_config=_certificate(args),
            route_config={
                "routes": [
                    {"path": path, "function_name": args.functions[function], "qualifier": "LATEST"}
                    for path, function in args.routes
                ]
            },
            opts=self.inside(),
        )
        self.register_outputs({"domain": args.domain})


def _certificate(args: DomainArgs) -> alicloud.fc.V3CustomDomainCertConfigArgs | None:
    if not args.certificate:
        return None
    return alicloud.fc.V3CustomDomainCertConfigArgs(
        cert_name=args.domain.replace(".", "-"),
        certificate=args.certificate,
        private_key=Output.secret(args.certificate_key),
    )


def check_routes(routes: Sequence[tuple[str, str]]) -> None:
    """Raise ValueError when a route would let people reach what only the platform may call."""
    for path, _ in routes:
        if any(path.rstrip("*/") == platform or path == "/*" for platform in PLATFORM_PATHS):
            raise ValueError(f"the route {path} leads to a path of the platform")
