"""Object Storage Service: buckets and objects, V1 and V4 signatures, RAM and session policies."""
