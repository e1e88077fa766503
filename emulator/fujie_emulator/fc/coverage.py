"""What COVERAGE.md says of Function Compute's API."""

from fujie_emulator.core.coverage import Coverage, Note, captured, noted, refused_but
from fujie_emulator.fc.control import ACTIONS

_DONE = ("InvokeFunction", *ACTIONS)
_KEPT = Note(partly="functions are kept, not run; code comes from a bucket only", source="captured")
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
    notes={"InvokeFunction": Note(partly="functions declared at `/_fujie/functions`; no versions and aliases")}
    | captured("GetFunction DeleteFunction GetTrigger DeleteTrigger")
    | noted("CreateFunction UpdateFunction", _KEPT)
    | noted("CreateTrigger", Note(partly="HTTP triggers; their address says that nothing runs yet", source="captured")),
    inventions=(
        "Deleting a function deletes its triggers.",
        "Which codes wrong fields get, beside `InvalidArgument`; some ranges are checked, not all.",
    ),
)
