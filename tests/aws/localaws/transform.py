"""Print a SAM template as JSON: as it is written, and as CloudFormation sees it.

A script for the Python of `tools`: AWS's own translator is installed there alone.
"""

import copy
import json
import sys
from pathlib import Path

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class _NoPolicies:
    """Stands for the list of managed policies that SAM would ask IAM for; we use none."""

    def load(self) -> dict[str, str]:
        """Return nothing."""
        return {}


def main() -> None:
    """Read the template that is named, with parameters given as JSON."""
    raw = yaml_parse(Path(sys.argv[1]).read_text())
    parameters = json.loads(sys.argv[2])
    packaged = copy.deepcopy(raw)
    for resource in packaged["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://artifacts/bundle"
    print(json.dumps({"raw": raw, "seen": transform(packaged, parameters, _NoPolicies())}))  # noqa: T201


if __name__ == "__main__":
    main()
