"""What COVERAGE.md says of Function Compute's API."""

from fujie_emulator.core.coverage import Coverage, Note, refused_but

_DONE = ("InvokeFunction",)
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
    refused=lambda: refused_but(_DONE, "functions are declared through `/_fujie/functions`", _ALL),
    notes={"InvokeFunction": Note(partly="no versions and aliases beside LATEST")},
)
