"""What Scrubjay uses of boto3, which makes its classes at run time and has no types."""

from typing import Any

from botocore.config import Config

def client(service_name: str, *, config: Config | None = ...) -> Any: ...
