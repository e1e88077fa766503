"""What COVERAGE.md says of Function Compute's API."""

from fujie_emulator.core.coverage import Coverage, Note, captured, noted, refused_but
from fujie_emulator.fc.control import ACTIONS

_DONE = ("InvokeFunction", *ACTIONS)
_RUN = Note(partly="Python runtimes; code comes from a bucket only; affinity by header or cookie", source="captured")
_ALL = """
ChangeResourceGroup CreateAlias CreateCustomDomain CreateFunction CreateLayerVersion CreateSession CreateSnapshot
CreateTrigger CreateVpcBinding DeleteAlias DeleteAsyncInvokeConfig DeleteConcurrencyConfig DeleteCustomDomain
DeleteFunction DeleteFunctionVersion DeleteLayerVersion DeleteProvisionConfig DeleteScalingConfig DeleteSession
DeleteSnapshot DeleteTrigger DeleteVpcBinding DescribeRegions DisableFunctionInvocation EnableFunctionInvocation
GetAlias GetAsyncInvokeConfig GetAsyncTask GetConcurrencyConfig GetCustomDomain GetFunction GetFunctionCode
GetLayerVersion GetLayerVersionByArn GetProvisionConfig GetScalingConfig GetSession GetSnapshot GetTrigger
InvokeFunction ListAliases ListAsyncInvokeConfigs ListAsyncTasks ListConcurrencyConfigs ListCustomDomains
ListFunctionVersions ListFunctions ListInstances ListLayerVersions ListLayers ListProvisionConfigs ListScalingConfigs
ListSessions ListSnapshots ListTagResources ListTriggers ListVpcBindings PauseSession PublishFunctionVersion
PutAsyncInvokeConfig PutConcurrencyConfig PutLayerACL PutProvisionConfig PutScalingConfig ResumeSession StopAsyncTask
TagResources UntagResources UpdateAlias UpdateCustomDomain UpdateFunction UpdateSession UpdateTrigger
"""
COVERAGE = Coverage(
    title="fc 2023-03-30",
    source="documented",
    client="alibabacloud_fc20230330",
    done=lambda: _DONE,
    refused=lambda: refused_but(_DONE, "answers `UnsupportedOperation`, naming method and path", _ALL),
    notes=captured("GetFunction DeleteFunction GetTrigger DeleteTrigger")
    | noted("CreateFunction UpdateFunction", _RUN)
    | noted(
        "CreateTrigger",
        Note(partly="HTTP (anonymous or signed), OSS, timer, EventBridge reading a queue", source="captured"),
    )
    | noted("CreateCustomDomain UpdateCustomDomain", Note(partly="no rewriting"))
    | noted("PutProvisionConfig", Note(partly="a fixed number; no schedules and measures"))
    | noted("CreateLayerVersion", Note(partly="code comes from a bucket only; none of the cloud's own layers"))
    | noted("PutAsyncInvokeConfig", Note(partly="functions and queues as destinations")),
    inventions=(
        "An asynchronous task's `taskErrorMessage` is what the function answered; `AsyncTaskAlreadyExists` (409).",
        "A function that was declared to the host alone can have triggers and asynchronous settings as well.",
        "Deleting a function deletes its triggers, versions and aliases; an alias's version is not deleted.",
        "Who finds no place within a reserved concurrency gets `ResourceThrottled` (429) at once.",
        "`/opt` is a directory of its own: PYTHONPATH, PATH and LD_LIBRARY_PATH may name what is below it.",
        "`x-fc-qualifier` is the version that an alias named.",
        "A deployed function has its package and Python's own library, and nothing of this machine.",
        "`/var/fc/lang/python3.*/bin/python3` is that Python, too: a package must be built for it.",
        "A trigger's two addresses lie on this cloud's port, below `/_fc/internet/` and `/_fc/intranet/`.",
        "A domain answers by its Host on this cloud's port, and with its certificate where the inventory says.",
        "Of a domain's routes the one that is the path wins, else the longest that begins it.",
        "When the clock jumps over several ticks of a timer, the last one alone fires.",
        "The fault `duplicate` hands an asynchronous event to its function twice, which the cloud may do by itself.",
        "The record that a destination gets has the shape of the documentation's prose; no sample of it was found.",
        "Without a reserved concurrency a function has at most four instances.",
        "Which codes wrong fields get, beside `InvalidArgument`; some ranges are checked, not all.",
    ),
)
