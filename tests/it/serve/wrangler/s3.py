# What boto3 does with a bucket, and what it must get.
import hashlib
import io
import os
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["ENDPOINT"]
MIB = 1024 * 1024


def secret_of(token):
    return hashlib.sha256(token.encode()).hexdigest()


def client(key=os.environ["KEY"], secret=secret_of(os.environ["TOKEN"]), **config):
    return boto3.client(
        "s3",
        endpoint_url=ENDPOINT,
        region_name="auto",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": "path", **config}, retries={"max_attempts": 1}),
    )


def refused(code, call, *args, **named):
    try:
        call(*args, **named)
    except ClientError as error:
        found = error.response["Error"]["Code"]
        assert found == code, (found, code, error)
        return error.response
    raise AssertionError(f"{code} was expected")


s3 = client()

# Buckets.
assert s3.list_buckets()["Buckets"] == []
s3.create_bucket(Bucket="files")
refused("BucketAlreadyOwnedByYou", s3.create_bucket, Bucket="files")
refused("InvalidBucketName", s3.create_bucket, Bucket="UPPER")
assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["files"]
s3.head_bucket(Bucket="files")
refused("404", s3.head_bucket, Bucket="nothing")
assert s3.get_bucket_location(Bucket="files")["LocationConstraint"] == "auto"
refused("NotImplemented", s3.get_bucket_acl, Bucket="files")

# Objects.
key = "a/\u00e9 &<b>+?#%.txt"
body = b"hello body"
etag = f'"{hashlib.md5(body).hexdigest()}"'
put = s3.put_object(
    Bucket="files", Key=key, Body=body, ContentType="text/x", CacheControl="no-cache",
    ContentEncoding="identity", Metadata={"one": "1", "two": "x y"}, StorageClass="STANDARD_IA",
)
assert put["ETag"] == etag
got = s3.get_object(Bucket="files", Key=key)
assert got["Body"].read() == body
assert (got["ETag"], got["ContentType"], got["CacheControl"]) == (etag, "text/x", "no-cache")
assert (got["ContentEncoding"], got["StorageClass"]) == ("identity", "STANDARD_IA")
assert got["Metadata"] == {"one": "1", "two": "x y"}
head = s3.head_object(Bucket="files", Key=key)
assert (head["ContentLength"], head["ETag"]) == (len(body), etag)
assert got["LastModified"] == head["LastModified"]
refused("404", s3.head_object, Bucket="files", Key="nothing")
refused("NoSuchKey", s3.get_object, Bucket="files", Key="nothing")
refused("NoSuchBucket", s3.get_object, Bucket="nothing", Key="nothing")
part = s3.get_object(Bucket="files", Key=key, Range="bytes=2-4")
assert (part["Body"].read(), part["ContentRange"]) == (b"llo", "bytes 2-4/10")
assert s3.get_object(Bucket="files", Key=key, Range="bytes=-4")["Body"].read() == b"body"
refused("InvalidRange", s3.get_object, Bucket="files", Key=key, Range="bytes=10-")
refused("304", s3.get_object, Bucket="files", Key=key, IfNoneMatch=etag)
refused("PreconditionFailed", s3.get_object, Bucket="files", Key=key, IfMatch='"x"')
refused("PreconditionFailed", s3.put_object, Bucket="files", Key=key, Body=b"", IfNoneMatch="*")
assert s3.get_object(Bucket="files", Key=key)["Body"].read() == body
named = s3.get_object(Bucket="files", Key=key, ResponseContentType="a/b")
assert named["ContentType"] == "a/b"
refused("NotImplemented", s3.put_object, Bucket="files", Key="x", Body=b"", ServerSideEncryption="AES256")
for algorithm in ["CRC32", "SHA1", "SHA256"]:
    s3.put_object(Bucket="files", Key="sums", Body=body, ChecksumAlgorithm=algorithm)
refused("BadDigest", s3.put_object, Bucket="files", Key="bad", Body=body, ChecksumSHA256="A" * 43 + "=")
refused("BadDigest", s3.put_object, Bucket="files", Key="bad", Body=body, ContentMD5="A" * 22 + "==")
refused("404", s3.head_object, Bucket="files", Key="bad")

# Copies.
copied = s3.copy_object(Bucket="files", Key="copy", CopySource={"Bucket": "files", "Key": key})
assert copied["CopyObjectResult"]["ETag"] == etag
assert s3.head_object(Bucket="files", Key="copy")["Metadata"] == {"one": "1", "two": "x y"}
s3.copy_object(
    Bucket="files", Key="copy", CopySource={"Bucket": "files", "Key": "copy"},
    MetadataDirective="REPLACE", Metadata={"n": "1"}, ContentType="c/d",
)
head = s3.head_object(Bucket="files", Key="copy")
assert (head["Metadata"], head["ContentType"]) == ({"n": "1"}, "c/d")

# Lists.
keys = [f"list/{name}" for name in ["a", "b", "c/d", "c/e", "f g"]]
for name in keys:
    s3.put_object(Bucket="files", Key=name, Body=b"x")
pages = s3.get_paginator("list_objects_v2").paginate(
    Bucket="files", Prefix="list/", PaginationConfig={"PageSize": 2}
)
assert [item["Key"] for page in pages for item in page["Contents"]] == keys
page = s3.list_objects_v2(Bucket="files", Prefix="list/", Delimiter="/")
assert [item["Key"] for item in page["Contents"]] == ["list/a", "list/b", "list/f g"]
assert [item["Prefix"] for item in page["CommonPrefixes"]] == ["list/c/"]
assert (page["KeyCount"], page["IsTruncated"]) == (4, False)
page = s3.list_objects_v2(Bucket="files", StartAfter="list/c/d", MaxKeys=1, Prefix="list/")
assert ([item["Key"] for item in page["Contents"]], page["IsTruncated"]) == (["list/c/e"], True)
pages = s3.get_paginator("list_objects").paginate(
    Bucket="files", Prefix="list/", Delimiter="/", PaginationConfig={"PageSize": 1}
)
found = [page.get("Contents", page.get("CommonPrefixes"))[0] for page in pages]
assert [item.get("Key", item.get("Prefix")) for item in found] == [
    "list/a", "list/b", "list/c/", "list/f g"
]
assert s3.list_objects_v2(Bucket="files", MaxKeys=0)["KeyCount"] == 0
refused("InvalidArgument", s3.list_objects_v2, Bucket="files", ContinuationToken="zzz")

# Deletes.
s3.delete_object(Bucket="files", Key="copy")
s3.delete_object(Bucket="files", Key="copy")
many = s3.delete_objects(Bucket="files", Delete={"Objects": [{"Key": name} for name in keys + ["no & <such>"]]})
assert len(many["Deleted"]) == 6 and "Errors" not in many, many
assert "Contents" not in s3.list_objects_v2(Bucket="files", Prefix="list/")

# Uploads in parts, also those that boto3 makes of large files.
large = os.urandom(17 * MIB)
s3.upload_fileobj(io.BytesIO(large), "files", "large")
s3.head_object(Bucket="files", Key="large")
copy = io.BytesIO()
s3.download_fileobj("files", "large", copy)
assert copy.getvalue() == large
assert s3.head_object(Bucket="files", Key="large")["ETag"].endswith('-3"')
upload = s3.create_multipart_upload(Bucket="files", Key="parts", ContentType="p/q")["UploadId"]
named = {"Bucket": "files", "Key": "parts", "UploadId": upload}
first = s3.upload_part(**named, PartNumber=1, Body=large[: 5 * MIB])["ETag"]
second = s3.upload_part_copy(
    **named, PartNumber=2, CopySource={"Bucket": "files", "Key": "large"}, CopySourceRange="bytes=0-99"
)["CopyPartResult"]["ETag"]
listed = s3.list_parts(**named)["Parts"]
assert [(part["PartNumber"], part["ETag"], part["Size"]) for part in listed] == [
    (1, first, 5 * MIB), (2, second, 100)
]
assert [it["UploadId"] for it in s3.list_multipart_uploads(Bucket="files")["Uploads"]] == [upload]
parts = [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": second}]
refused("InvalidPartOrder", s3.complete_multipart_upload, **named, MultipartUpload={"Parts": parts[::-1]})
wrong = [{"PartNumber": 1, "ETag": second}]
refused("InvalidPart", s3.complete_multipart_upload, **named, MultipartUpload={"Parts": wrong})
s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
got = s3.get_object(Bucket="files", Key="parts")
assert got["Body"].read() == large[: 5 * MIB] + large[:100] and got["ContentType"] == "p/q"
refused("NoSuchUpload", s3.list_parts, **named)
upload = s3.create_multipart_upload(Bucket="files", Key="aborted")["UploadId"]
s3.abort_multipart_upload(Bucket="files", Key="aborted", UploadId=upload)
refused("NoSuchUpload", s3.abort_multipart_upload, Bucket="files", Key="aborted", UploadId="nope")

# Presigned URLs.
url = s3.generate_presigned_url("put_object", {"Bucket": "files", "Key": "signed url"}, ExpiresIn=60)
urllib.request.urlopen(urllib.request.Request(url, data=b"by url", method="PUT")).read()
url = s3.generate_presigned_url("get_object", {"Bucket": "files", "Key": "signed url"}, ExpiresIn=60)
assert urllib.request.urlopen(url).read() == b"by url"


def status(url):
    try:
        return urllib.request.urlopen(url).status
    except urllib.error.HTTPError as error:
        return error.code


assert status(url.replace("signed%20url", "large")) == 403
assert status(url.replace("Expires=60", "Expires=600000")) == 403
assert status(f"{ENDPOINT}/files/large") == 403

# Bodies in chunks whose signature comes with each.
chunked = client(payload_signing_enabled=True)
chunked.put_object(Bucket="files", Key="chunked", Body=io.BytesIO(large))
assert chunked.get_object(Bucket="files", Key="chunked")["Body"].read() == large

# Other keys.
refused("SignatureDoesNotMatch", client(secret="0" * 64).list_buckets)
refused("InvalidAccessKeyId", client(key="0" * 32).list_buckets)
other = client(key=os.environ["OTHER_KEY"], secret=secret_of(os.environ["OTHER_TOKEN"]))
refused("AccessDenied", other.list_buckets)

refused("BucketNotEmpty", s3.delete_bucket, Bucket="files")
for item in s3.list_objects_v2(Bucket="files")["Contents"]:
    s3.delete_object(Bucket="files", Key=item["Key"])
s3.delete_bucket(Bucket="files")
refused("NoSuchBucket", s3.delete_bucket, Bucket="files")
print("done")
