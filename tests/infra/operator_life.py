"""A whole life of a stack by an operator who is a RAM user, and what it asked of the cloud.

`python -m tests.infra.operator_life` lives it once as an administrator and writes `infra/operator_actions.json`.
"""

import json
import os
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from itertools import zip_longest
from pathlib import Path

import oss2
import yaml

from fujie.secret import Secret
from fujie_emulator.mns import queues
from fujie_emulator.ram.wildcards import fits
from fujie_emulator.testing import running
from infra.doctor import declared_by
from infra.engine.finding import find_engine
from infra.engine.running import engine_run, laid_out
from infra.inputs import inputs_from_config
from infra.operator_policy import RECORD, resources
from infra.permission import check
from infra.probing import Account, Key

STACK, OPERATOR, POLICIES = "local", "operator", ("fujie-operator", "fujie-operator-2")
ADMINISTRATOR = '{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
NOTHING = '{"Version": "1", "Statement": []}'
AGENT = '''
from fujie import AgentApp, ObjectCreated, QueueMessage, Schedule, tool
from functions.tool.manifest import TOOLS

@tool(on=[ObjectCreated("in/", ".txt")], effect="write")
async def take_in(context, key: str):
    """Take a file in."""

@tool(on=[Schedule("0 0 3 * * *", "wake up")], effect="write")
async def wake(context, payload: str):
    """Do what is done each day."""

@tool(on=[QueueMessage("orders")], effect="write")
async def order(context, body: str):
    """Take an order."""

app = AgentApp(app_name="clerk", app_description="Takes what comes.", tools=[*TOOLS, take_in, wake, order])
'''
CHANGED = {"key_generation": "2", "client_ids": '{"time": "another"}', "provider_secrets": '{"weather": "another"}'}


class Operator:
    """The RAM user whose key applies the stack; his policies can be exchanged at any moment."""

    def __init__(self, cloud, *policies):
        self._cloud, self._ram = cloud, cloud.cloud.iam.ram
        self._ram.users.create(OPERATOR, {})
        for name in POLICIES:
            self._ram.create_policy(name, NOTHING, "")
            self._ram.attach("Custom", name, OPERATOR, "user")
        self.may(*policies)
        made = self._ram.users.create_key(OPERATOR)
        self.key = Key(made["id"], Secret(made["secret"]))

    def may(self, *policies):
        """Exchange what he may do, JSON."""
        for name, policy in zip_longest(POLICIES, policies, fillvalue=NOTHING):
            self._ram.add_version(name, policy, default=True, rotate=True)

    def environ(self):
        secret = self.key.secret.reveal()
        return {
            "FUJIE_CLOUD_URL": self._cloud.url,
            "ALIBABA_CLOUD_ACCESS_KEY_ID": self.key.id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": secret,
        }

    def asked(self, after=0):
        """Return what RAM was asked of the operator: (action, resource) in their order."""
        rows = [row for row in self._cloud.cloud.journal.after(after) if row["caller"]["name"] == OPERATOR]
        return [(each["action"], resource) for row in rows for each in row["asked"] for resource in each["resources"]]

    def now(self):
        """Return the number of the journal's last row."""
        return max((row["seq"] for row in self._cloud.cloud.journal.after(0)), default=0)


class Life:
    """The stack of an agent that has one of everything."""

    def __init__(self, engine, cloud, folder, *policies):
        self.cloud, self.operator = cloud, Operator(cloud, *policies)
        self.agent = folder / "agent" / "agent.py"
        self.agent.parent.mkdir(parents=True)
        self.agent.write_text(AGENT)
        queues.create(cloud.cloud, "orders", {}, {})
        tools = str(Path(sys.prefix).parent / ".tools" / "bin")
        environ = {
            **os.environ,
            **self.operator.environ(),
            "PATH": os.pathsep.join((os.environ["PATH"], tools)),
            "PULUMI_CONFIG_PASSPHRASE": "of the test",
        }
        self.run = engine_run(STACK, environ, project=laid_out(STACK, folder / "project"), backend=folder / "state")
        self.run.select()
        self.configure(agent=self.agent, database_url=f"sqlite+aiosqlite:///{folder}/fujie.db")
        self.configure(max_instances='{"chat": 3}', warm_instances='{"chat": 1}')
        self.inputs = inputs_from_config(self.run.config(), STACK, environ)
        self.stack = declared_by(STACK, self.inputs)

    def configure(self, **values):
        path = self.run.project / f"Pulumi.{STACK}.yaml"
        kept = yaml.safe_load(path.read_text())
        kept["config"] |= {f"fujie:{name}": str(value) for name, value in values.items()}
        path.write_text(yaml.safe_dump(kept))

    @contextmanager
    def configured(self, **values):
        """Have other values for a moment."""
        path = self.run.project / f"Pulumi.{STACK}.yaml"
        text = path.read_text()
        self.configure(**values)
        yield
        path.write_text(text)

    def account(self):
        return Account(self.inputs, self.operator.key)

    def begin(self):
        """Preview, make, look again, refresh."""
        self.run.run("preview")
        self.run.run("up", "--yes", "--skip-preview")
        self.run.run("refresh", "--yes", "--skip-preview")

    def change(self):
        """Change code and configuration, and put right all that somebody else changed meanwhile."""
        self.agent.write_text(AGENT.replace("Take an order.", "Take one order."))
        self.configure(**CHANGED)
        disturb(self.cloud.cloud.store)
        self.run.run("up", "--yes", "--skip-preview", "--refresh")

    def fill(self):
        """Put something into the users' bucket, which goes with the stack."""
        auth = oss2.Auth(self.cloud.access_key_id, self.cloud.access_key_secret)
        bucket = oss2.Bucket(auth, self.cloud.url, self.inputs.stack_config(STACK).bucket, is_path_style=True)
        bucket.put_object("users/1/note.txt", b"hello")

    def end(self):
        self.run.run("destroy", "--yes", "--skip-preview")

    def by_kind(self, asked):
        """Return kind of resource -> actions; raise LookupError for a resource that is none of the stack's."""
        there = resources(self.stack, self.inputs)
        found = {}
        for action, resource in asked:
            kind = next((kind for kind, each in there.items() if any(is_one(one, resource) for one in each)), None)
            if kind is None:
                raise LookupError(f"{action} on {resource}: say in infra/operator_policy.py what that is")
            found.setdefault(kind, set()).add(action)
        return found


def is_one(pattern, resource):
    """Tell whether the resource is of this pattern; everything is only what was asked about everything."""
    return pattern == resource or (pattern != "*" and fits(pattern, resource))


def disturb(store):
    """Change one of each kind of resource behind the stack's back."""
    (web,) = (key for key, doc in store.list("ims", "application") if doc["app_type"] == "WebApp")
    ((project, _),) = store.list("sls", "project")
    written = store.get("ram", "policy", "fujie-local-chat-role-policy")["versions"][0]
    for service, kind, key, changes in (
        ("ram", "role", "fujie-local-tool-role", {"trust": TRUST, "tags": []}),
        ("ram", "policy", "fujie-local-chat-role-policy", {"versions": [written | {"document": NOTHING}], "tags": []}),
        ("ims", "application", web, {"redirect_uris": ["https://another.example/"]}),
        ("agentidentity", "IdentityProvider", "fujie-local-sign-in", {"AllowedAudience": ["another"]}),
        ("agentidentity", "TokenVault", "fujie-local", {"Description": "another"}),
        ("agentidentity", "WorkloadIdentity", "fujie-local-agent", {"AllowedResourceOAuth2ReturnURLs": []}),
        ("fc", "function", "fujie-local-chat", {"timeout": 61}),
        ("fc", "async-invoke-config", "fujie-local-chat", {"maxAsyncRetryAttempts": 1}),
        ("fc", "trigger", "fujie-local-tool/wake-0", {"triggerConfig": "{}"}),
        ("fc", "domain", "fujie.localhost", {"routeConfig": {"routes": []}}),
        ("mns", "queue", "fujie-local-dead-letters", {"MessageRetentionPeriod": 3600}),
        ("fc", "concurrency", "fujie-local-chat", {"reservedConcurrency": 2}),
        ("fc", "provision-config", "fujie-local-chat", {"target": 0}),
        ("sls", "project", project, {"description": "another", "tags": {}}),
        ("sls", "logstore", f"{project}/functions", {"ttl": 1}),
        ("sls", "index", f"{project}/functions", {"line": {"token": [","], "caseSensitive": True}}),
    ):
        store.put(service, kind, key, store.get(service, kind, key) | changes)


TRUST = {
    "Version": "1",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": ["fc.aliyuncs.com"]}, "Action": "sts:*"}],
}


def recorded(life):
    """Live the life and return what it asked, as the record keeps it."""
    life.begin()
    life.change()
    with life.account() as account:
        check(account, life.inputs, life.stack)
    before = life.operator.now()
    up = life.by_kind(life.operator.asked())
    life.fill()
    life.end()
    end = life.by_kind(life.operator.asked(before))
    kinds = [kind for kind in resources(life.stack, life.inputs) if kind in up | end]
    only = {kind: end.get(kind, set()) - up.get(kind, set()) for kind in kinds}
    return {
        kind: {"up": sorted(up.get(kind, ()))} | ({"destroy": sorted(only[kind])} if only[kind] else {})
        for kind in kinds
    }


def main():
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cloud = stack.enter_context(running(folder / "cloud"))
        life = Life(find_engine(os.environ), cloud, folder, ADMINISTRATOR)
        RECORD.write_text(json.dumps(recorded(life), indent=1) + "\n")


if __name__ == "__main__":
    main()
