"""What the tests ask of botocore's models of services."""

from typing import Any

class Session:
    def get_service_model(self, service_name: str) -> Any: ...

def get_session() -> Session: ...
