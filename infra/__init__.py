"""The cloud, declared: one typed declaration, applied by an idempotent ensure or by Pulumi."""
