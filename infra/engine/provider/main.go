// Command pulumi-resource-alicloud bridges the published Terraform provider for Alibaba Cloud
// to Pulumi for the resources that this project declares.
package main

import (
	"github.com/aliyun/terraform-provider-alicloud/alicloud"
	"github.com/hashicorp/terraform-plugin-sdk/helper/schema"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shimv1 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v1"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

var version = "3.105.0"

// resource is one Terraform resource under the token that the published Pulumi SDK gives it. Single names the
// computed lists that the SDK exposes as one object although their Terraform schema sets no MaxItems.
type resource struct {
	token  string
	single []string
}

var declared = map[string]resource{
	"alicloud_fcv3_function":              {token: "fc/v3Function:V3Function", single: []string{"tracing_config"}},
	"alicloud_fcv3_trigger":               {token: "fc/v3Trigger:V3Trigger", single: []string{"http_trigger"}},
	"alicloud_fcv3_alias":                 {token: "fc/v3Alias:V3Alias"},
	"alicloud_fcv3_async_invoke_config":   {token: "fc/v3AsyncInvokeConfig:V3AsyncInvokeConfig"},
	"alicloud_fcv3_concurrency_config":    {token: "fc/v3ConcurrencyConfig:V3ConcurrencyConfig"},
	"alicloud_fcv3_custom_domain":         {token: "fc/v3CustomDomain:V3CustomDomain"},
	"alicloud_fcv3_function_version":      {token: "fc/v3FunctionVersion:V3FunctionVersion"},
	"alicloud_fcv3_layer_version":         {token: "fc/v3LayerVersion:V3LayerVersion"},
	"alicloud_fcv3_provision_config":      {token: "fc/v3ProvisionConfig:V3ProvisionConfig"},
	"alicloud_ram_role":                   {token: "ram/role:Role"},
	"alicloud_ram_policy":                 {token: "ram/policy:Policy"},
	"alicloud_ram_role_policy_attachment": {token: "ram/rolePolicyAttachment:RolePolicyAttachment"},
	"alicloud_oss_bucket":                 {token: "oss/bucket:Bucket"},
	"alicloud_oss_bucket_object":          {token: "oss/bucketObject:BucketObject"},
	"alicloud_ims_oidc_provider":          {token: "ims/oidcProvider:OidcProvider"},
	"alicloud_log_project":                {token: "log/project:Project"},
	"alicloud_log_store":                  {token: "log/store:Store"},
	"alicloud_log_store_index":            {token: "log/storeIndex:StoreIndex"},
	"alicloud_event_bridge_event_bus":     {token: "eventbridge/eventBus:EventBus"},
	"alicloud_event_bridge_rule":          {token: "eventbridge/rule:Rule"},
	"alicloud_message_service_queue":      {token: "message/serviceQueue:ServiceQueue"},
	"alicloud_message_service_topic":      {token: "message/serviceTopic:ServiceTopic"},
}

func main() {
	p := shimv1.NewProvider(alicloud.Provider().(*schema.Provider))
	resources := map[string]*tfbridge.ResourceInfo{}
	for name, r := range declared {
		fields := map[string]*tfbridge.SchemaInfo{}
		for _, field := range r.single {
			fields[field] = &tfbridge.SchemaInfo{MaxItemsOne: tfbridge.True()}
		}
		resources[name] = &tfbridge.ResourceInfo{Tok: tokens.Type("alicloud:" + r.token), Fields: fields}
	}
	info := tfbridge.ProviderInfo{
		P: p, Name: "alicloud", Version: version,
		Resources: resources,
	}
	info.SetAutonaming(255, "-")
	tfbridge.Main("alicloud", version, info, nil)
}
