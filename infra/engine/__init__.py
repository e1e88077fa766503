"""Pulumi's engine without a downloaded binary: where it is, and how it is built from published Go modules.

`cli/`, `host/` and `provider/` are Go modules of a few lines: the CLI, its Python language host, and the Terraform
provider for Alibaba Cloud bridged to Pulumi with the tokens of the published Python SDK.
"""
