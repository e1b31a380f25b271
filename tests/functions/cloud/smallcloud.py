"""Amazon's services on this machine, as the tests of the functions use them."""

import json
from pathlib import Path
from typing import Any, NamedTuple

SOURCE_BUCKET, SETS_BUCKET = "videos", "gifs"
BUS, QUEUE, LATER, LOST, FAILED = "slices", "slices", "listener", "lost", "failed"


class Cloud(NamedTuple):
    """A cloud of our own: its services, and the environment in which the functions run."""

    s3: Any
    sqs: Any
    sns: Any
    events: Any
    environ: dict[str, str]

    def upload(self, path: Path, key: str) -> str:
        """Put a video into the source bucket, and return its etag as events name it."""
        answer = self.s3.put_object(Bucket=SOURCE_BUCKET, Key=key, Body=path.read_bytes())
        return str(answer["ETag"]).strip('"')

    def there(self, prefix: str = "") -> set[str]:
        """Return the keys in the bucket of the sets."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=SETS_BUCKET, Prefix=prefix)
        return {each["Key"] for page in pages for each in page.get("Contents", [])}

    def read(self, key: str) -> Any:  # noqa: ANN401  JSON
        """Return a document in the bucket of the sets."""
        return json.loads(self.s3.get_object(Bucket=SETS_BUCKET, Key=key)["Body"].read())

    def url(self, queue: str) -> str:
        """Return a queue's URL."""
        return str(self.sqs.get_queue_url(QueueName=queue)["QueueUrl"])

    def take(self, queue: str) -> list[Any]:
        """Take all messages out of a queue, as the JSON that they are."""
        taken: list[Any] = []
        url = self.url(queue)
        while True:
            found = self.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0
            ).get("Messages", [])
            if not found:
                return taken
            taken += [json.loads(each["Body"]) for each in found]
            entries = [
                {"Id": str(number), "ReceiptHandle": each["ReceiptHandle"]}
                for number, each in enumerate(found)
            ]
            self.sqs.delete_message_batch(QueueUrl=url, Entries=entries)


class Context:
    """What Lambda tells a function of its run."""

    aws_request_id = "12345678-aaaa-bbbb-cccc-1234567890ab"
    memory_limit_in_mb = "1769"

    def __init__(self, milliseconds: int = 60_000) -> None:
        self.left = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        """Return how long it may go on."""
        return self.left
