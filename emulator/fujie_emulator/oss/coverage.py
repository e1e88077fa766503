"""What COVERAGE.md says of object storage; its operations are those of the tables in `actions`."""

from fujie_emulator.core.coverage import Coverage, Note, captured, noted, refused_but
from fujie_emulator.oss.actions import operation_names

_WHY = "answers 501 `NotImplemented`, naming method and sub-resource"
_ALL = """
AbortBucketWorm AbortMultipartUpload AppendObject AsyncProcessObject CleanRestoredObject CloseMetaQuery
CompleteBucketWorm CompleteMultipartUpload CopyObject CreateAccessPoint CreateBucketDataRedundancyTransition
CreateBucketMetadataConfiguration CreateCnameToken CreateSelectObjectMeta DeleteAccessPoint DeleteAccessPointPolicy
DeleteAccessPointPublicAccessBlock DeleteBucket DeleteBucketCors DeleteBucketDataRedundancyTransition
DeleteBucketEncryption DeleteBucketInventory DeleteBucketLifecycle DeleteBucketLogging
DeleteBucketMetadataConfiguration DeleteBucketOverwriteConfig DeleteBucketPolicy DeleteBucketPublicAccessBlock
DeleteBucketReplication DeleteBucketStorageQuota DeleteBucketTags DeleteBucketWebsite DeleteCname
DeleteMultipleObjects DeleteObject DeleteObjectTagging DeletePublicAccessBlock DeleteStyle
DeleteUserDefinedLogFieldsConfig DescribeRegions DoDataPipelineAction DoMetaQuery DoMetaQueryAction ExtendBucketWorm
GetAccessPoint GetAccessPointPolicy GetAccessPointPublicAccessBlock GetBucketAccessMonitor GetBucketAcl
GetBucketArchiveDirectRead GetBucketCors GetBucketDataRedundancyTransition GetBucketEncryption GetBucketHttpsConfig
GetBucketInfo GetBucketInventory GetBucketLifecycle GetBucketLocation GetBucketLogging GetBucketMetadataConfiguration
GetBucketObjectWormConfiguration GetBucketOverwriteConfig GetBucketPolicy GetBucketPolicyStatus
GetBucketPublicAccessBlock GetBucketReferer GetBucketReplication GetBucketReplicationLocation
GetBucketReplicationProgress GetBucketRequestPayment GetBucketResourceGroup GetBucketStat GetBucketStorageQuota
GetBucketTags GetBucketTransferAcceleration GetBucketVersioning GetBucketWebsite GetBucketWorm GetCnameToken
GetMetaQueryStatus GetObject GetObjectAcl GetObjectLegalHold GetObjectMeta GetObjectRetention GetObjectTagging
GetPublicAccessBlock GetStyle GetSymlink GetUserDefinedLogFieldsConfig HeadObject InitiateBucketWorm
InitiateMultipartUpload ListAccessPoints ListBucketDataRedundancyTransition ListBucketInventory ListBuckets
ListCloudBoxes ListCname ListMultipartUploads ListObjectVersions ListObjects ListObjectsV2 ListParts ListStyle
ListUserDataRedundancyTransition OpenMetaQuery OptionObject ProcessObject PutAccessPointPolicy
PutAccessPointPublicAccessBlock PutBucket PutBucketAccessMonitor PutBucketAcl PutBucketArchiveDirectRead
PutBucketCors PutBucketEncryption PutBucketHttpsConfig PutBucketInventory PutBucketLifecycle PutBucketLogging
PutBucketObjectWormConfiguration PutBucketOverwriteConfig PutBucketPolicy PutBucketPublicAccessBlock PutBucketReferer
PutBucketReplication PutBucketRequestPayment PutBucketResourceGroup PutBucketRtc PutBucketStorageQuota PutBucketTags
PutBucketTransferAcceleration PutBucketVersioning PutBucketWebsite PutCname PutObject PutObjectAcl PutObjectLegalHold
PutObjectRetention PutObjectTagging PutPublicAccessBlock PutStyle PutSymlink PutUserDefinedLogFieldsConfig
RestoreObject SealAppendObject SelectObject UpdateBucketMetadataInventoryTableConfiguration
UpdateBucketMetadataJournalTableConfiguration UploadPart UploadPartCopy
"""
COVERAGE = Coverage(
    title="oss",
    source="documented",
    client="alibabacloud_oss_v2",
    done=operation_names,
    refused=lambda: refused_but(operation_names(), _WHY, _ALL),
    notes=captured(
        "PutBucket DeleteBucket GetBucketInfo ListBuckets PutObject HeadObject GetObjectMeta DeleteObject "
        "GetBucketCors GetBucketWebsite GetBucketLogging GetBucketReferer GetBucketLifecycle GetBucketPolicy "
        "GetBucketTags GetBucketTransferAcceleration GetBucketResourceGroup"
    )
    | noted(
        "PutBucket PutBucketAcl PutObjectAcl",
        Note(partly="public ACLs answer `AccessDenied`, as an account that blocks public access does"),
    )
    | noted(
        "PutBucketCors PutBucketWebsite PutBucketLifecycle PutBucketLogging PutBucketEncryption "
        "PutBucketTransferAcceleration PutBucketAccessMonitor PutBucketResourceGroup",
        Note(partly="the document is kept and read back; the emulator does not act on it"),
    )
    | noted(
        "GetBucketPolicy GetBucketReferer GetBucketReplication GetBucketRequestPayment GetBucketVersioning "
        "GetBucketWorm GetBucketPublicAccessBlock",
        Note(partly="answers what a bucket without one answers, for it cannot be put"),
    )
    | noted("ListObjectVersions", Note(partly="of buckets without versions, since there are no others"))
    | noted("ListMultipartUploads", Note(partly="without a delimiter")),
    inventions=(
        "An object has at most 256 MB.",
        "Bucket policies, versioning and signature version 2 are refused by name; so are requests without a signature.",
    ),
)
