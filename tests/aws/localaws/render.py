"""What CloudFormation makes of a template under given parameters, as far as tests need it.

Conditions, `If`, `FindInMap` and references to parameters are resolved; references to resources
stay as they are, so that a test can see what a policy names.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from localaws.tools import TEMPLATE, python, run

__all__ = ["Rendered", "templates"]

_NOTHING = {"Ref": "AWS::NoValue"}


@cache
def templates() -> dict[str, Any]:
    """Return the template twice: `raw`, and as it is `seen` after SAM's transform."""
    script = str(TEMPLATE.parents[2] / "tests" / "aws" / "localaws" / "transform.py")
    answer: dict[str, Any] = json.loads(run(python("tools"), script, str(TEMPLATE), "{}"))
    return answer


class Rendered:
    """A template under parameters.

    Args:
        parameters: those that are not left at their defaults.
        template: as JSON; None is the one in `deploy/aws`, after SAM's transform.
    """

    def __init__(
        self,
        parameters: Mapping[str, object] | None = None,
        template: Any = None,  # noqa: ANN401
    ) -> None:
        self._template = template or templates()["seen"]
        given = {name: str(value) for name, value in (parameters or {}).items()}
        known = self._template["Parameters"]
        assert given.keys() <= known.keys(), given
        self._values = {name: str(known[name]["Default"]) for name in known} | given
        self.resources: dict[str, Any] = {
            name: self._resolve(resource)
            for name, resource in self._template["Resources"].items()
            if self._holds(resource.get("Condition"))
        }
        self.outputs: dict[str, Any] = {
            name: self._resolve(output["Value"])
            for name, output in self._template["Outputs"].items()
        }

    def of_type(self, kind: str) -> dict[str, Any]:
        """The properties of all resources of a type, by name."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def _holds(self, condition: Any) -> bool:  # noqa: ANN401  any JSON
        match condition:
            case None:
                return True
            case str():
                return self._holds(self._template["Conditions"][condition])
            case {"Condition": name}:
                return self._holds(name)
            case {"Fn::Equals": [left, right]}:
                return str(self._resolve(left)) == str(self._resolve(right))
            case {"Fn::Not": [inner]}:
                return not self._holds(inner)
            case {"Fn::And": parts}:
                return all(self._holds(part) for part in parts)
            case _:
                raise AssertionError(condition)

    def _resolve(self, value: Any) -> Any:  # noqa: ANN401, PLR0911  any JSON; a line for each kind
        match value:
            case {"Fn::If": [condition, yes, no]}:
                return self._resolve(yes if self._holds(condition) else no)
            case {"Ref": name} if name in self._values:
                return self._values[name]
            case {"Fn::FindInMap": [name, key, field]}:
                return self._template["Mappings"][name][str(self._resolve(key))][field]
            case {"Fn::Sub": str(text)}:
                return {"Fn::Sub": self._filled(text)}
            case dict():
                resolved = {key: self._resolve(each) for key, each in value.items()}
                return {key: each for key, each in resolved.items() if each != _NOTHING}
            case list():
                parts = [self._resolve(each) for each in value]
                return [each for each in parts if each != _NOTHING]
            case _:
                return value

    def _filled(self, text: str) -> str:
        for name, value in self._values.items():
            text = text.replace(f"${{{name}}}", value)
        return text
