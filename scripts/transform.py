"""Prints what SAM's transform makes of a template, which is what CloudFormation gets.

transform.py TEMPLATE [PARAMETER=VALUE ...]
"""

import json
import os
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform
from samtranslator.model.exceptions import InvalidDocumentException


class ManagedPolicies:
    """The template names no policy of AWS's own, so none has to be looked up."""

    def load(self):
        return {}


def packaged(template):
    """Puts `sam package`'s S3 addresses in the place of local paths. A template without SAM's resources stays as it is."""
    if "Transform" not in template:
        return template
    template.setdefault("Globals", {}).setdefault("Function", {})["CodeUri"] = "s3://bucket/code.zip"
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = "s3://bucket/layer.zip"
    return template


def main():
    path, *parameters = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        template = packaged(yaml_parse(file.read()))
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    values = {name: declared["Default"] for name, declared in template["Parameters"].items() if "Default" in declared}
    values.update(parameter.split("=", 1) for parameter in parameters)
    for name, value in values.items():
        template["Parameters"][name]["Default"] = value
    try:
        result = transform(template, values, ManagedPolicies())
    except InvalidDocumentException as error:
        sys.exit("\n".join(cause.message for cause in error.causes) or error.message)
    json.dump(result, sys.stdout, indent=1, default=str)


main()
