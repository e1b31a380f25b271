"""How botocore sends requests."""

from collections.abc import Mapping

class Config:
    def __init__(
        self,
        *,
        connect_timeout: float = ...,
        read_timeout: float = ...,
        retries: Mapping[str, str | int] = ...,
        max_pool_connections: int = ...,
    ) -> None: ...
