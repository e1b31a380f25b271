"""What can be known of the template without deploying it."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session

from localaws.render import Rendered, templates
from localaws.tools import ROOT, TEMPLATE, program, run
from scrubjay.aws.events import FINISH, READY, SLICE, SOURCE
from scrubjay.aws.transports import MOST_ENTRIES, TRANSPORTS
from scrubjay.limits import Limits
from scrubjay.settings import FunctionSettings, load_function_settings

_EFS = {
    "OutputMode": "EFS",
    "EfsFileSystemId": "fs-0123456789abcdef0",
    "EfsAccessPointId": "fsap-0123456789abcdef0",
    "SubnetIds": "subnet-0123456789abcdef0",
    "SecurityGroupIds": "sg-0123456789abcdef0",
}
_DAY = 86_400


def _variants() -> list[dict[str, str]]:
    transports = templates()["raw"]["Parameters"]["Transport"]["AllowedValues"]
    events = templates()["raw"]["Parameters"]["SourceEvents"]["AllowedValues"]
    return [
        {"Transport": transport, "SourceEvents": event, **more}
        for transport, event, more in itertools.product(transports, events, ({}, _EFS))
    ]


def _parameter(name: str) -> dict[str, Any]:
    found: dict[str, Any] = templates()["raw"]["Parameters"][name]
    return found


def _limits(service: str, shape: str) -> tuple[int, int | None]:
    """The least and the most that Amazon's own model of a service allows."""
    told = get_session().get_service_model(service).shape_for(shape).metadata
    return told["min"], told.get("max")


def _statements(rendered: Rendered) -> list[tuple[str, dict[str, Any]]]:
    """Every statement of the two roles, and whose policy it stands in."""
    policies = list(rendered.of_type("AWS::IAM::Policy").items())
    for name, role in rendered.of_type("AWS::IAM::Role").items():
        policies.extend((name, each) for each in role["Policies"])
    return [
        (name, statement)
        for name, policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def _listed(value: Any) -> list[Any]:  # noqa: ANN401  any JSON
    return value if isinstance(value, list) else [value]


def test_linters_have_nothing_to_say_of_what_is_written() -> None:
    """The SAM template passes cfn-lint, and SAM's own validation."""
    run(program("cfn-lint"), "--regions", "us-east-1", "--", str(TEMPLATE))
    run(program("sam"), "validate", "--lint", "--template", str(TEMPLATE))


def test_linters_have_nothing_to_say_of_what_is_deployed(tmp_path: Path) -> None:
    """What SAM makes of the template passes cfn-lint, which then sees limits that SAM hides."""
    path = tmp_path / "seen.json"
    path.write_text(json.dumps(templates()["seen"]))
    # W1031 is W1030 of the template itself; W2001: SAM has put in some parameters' values
    ignored = ("--ignore-checks", "W1030", "W1031", "W2001")
    run(program("cfn-lint"), "--regions", "us-east-1", *ignored, "--", str(path))


@pytest.mark.parametrize("parameters", _variants(), ids=lambda each: " ".join(each.values())[:24])
def test_every_variant_is_whole(parameters: dict[str, str]) -> None:
    """Whatever is chosen, nothing refers to a resource that this choice leaves out."""
    rendered = Rendered(parameters)
    text = json.dumps([rendered.resources, rendered.outputs])
    named = set(re.findall(r'"Ref": "(\w+)"', text))
    named |= set(re.findall(r'"Fn::GetAtt": \["(\w+)"', text))
    named |= {name.split(".")[0] for name in re.findall(r"\$\{([\w.]+)\}", text)}
    assert named <= rendered.resources.keys()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_template_and_code_agree_on_variables(transport: str) -> None:
    """The functions are given settings that exist, and all that they cannot do without."""
    rendered = Rendered({"Transport": transport})
    functions = rendered.of_type("AWS::Lambda::Function")
    given = {name: each["Environment"]["Variables"] for name, each in functions.items()}
    fields = (*FunctionSettings.__struct_fields__, *Limits.__struct_fields__)
    known = {f"SCRUBJAY_{each.upper()}" for each in fields}
    assert given["PlannerFunction"].keys() | given["WorkerFunction"].keys() <= known
    assert given["PlannerFunction"]["SCRUBJAY_TRANSPORT"] == transport
    assert given["PlannerFunction"]["SCRUBJAY_TARGET"]
    assert {"SCRUBJAY_OUTPUT", "SCRUBJAY_EVENT_BUS"} <= given["WorkerFunction"].keys()
    assert set(_parameter("Transport")["AllowedValues"]) == TRANSPORTS.keys()


def test_the_worker_is_given_the_clock_of_the_tracks() -> None:
    """The parameter has the setting's values and default; the one that is chosen arrives."""
    parameter = _parameter("TrackClock")
    setting = FunctionSettings(output="s3://gifs")
    assert parameter["Default"] == setting.track_clock
    for clock in parameter["AllowedValues"]:
        worker = Rendered({"TrackClock": clock}).of_type("AWS::Lambda::Function")["WorkerFunction"]
        given = worker["Environment"]["Variables"]["SCRUBJAY_TRACK_CLOCK"]
        assert (
            load_function_settings(
                {"SCRUBJAY_OUTPUT": "s3://gifs", "SCRUBJAY_TRACK_CLOCK": given}
            ).track_clock
            == clock
        )


def test_every_caller_names_the_alias() -> None:
    """Permissions, targets, mappings and policies name `live`: a policy on another ARN is none."""
    for parameters in _variants():
        rendered = Rendered(parameters)
        callers = [
            *(
                each["FunctionName"]
                for each in rendered.of_type("AWS::Lambda::Permission").values()
            ),
            *(
                each["FunctionName"]
                for each in rendered.of_type("AWS::Lambda::EventSourceMapping").values()
            ),
            *(each["Endpoint"] for each in rendered.of_type("AWS::SNS::Subscription").values()),
            *(
                target["Arn"]
                for rule in rendered.of_type("AWS::Events::Rule").values()
                for target in rule["Targets"]
            ),
            *(
                statement["Resource"]
                for _, statement in _statements(rendered)
                if "lambda:InvokeFunction" in _listed(statement["Action"])
            ),
        ]
        assert callers
        assert {json.dumps(each) for each in callers} <= {
            '{"Ref": "PlannerFunctionAliaslive"}',
            '{"Ref": "WorkerFunctionAliaslive"}',
        }
    target = Rendered({"Transport": "lambda"}).of_type("AWS::Lambda::Function")["PlannerFunction"]
    spelled = target["Environment"]["Variables"]["SCRUBJAY_TARGET"]["Fn::Sub"]
    assert spelled.endswith(":function:${AWS::StackName}-worker:live")


def test_failures_of_both_functions_are_kept() -> None:
    """What Lambda gives up goes to a queue, set on the alias: on what is invoked."""
    configs = Rendered().of_type("AWS::Lambda::EventInvokeConfig")
    assert {each["Qualifier"] for each in configs.values()} == {"live"}
    assert len(configs) == 2
    for each in configs.values():
        kept = each["DestinationConfig"]["OnFailure"]["Destination"]
        assert kept == {"Fn::GetAtt": ["WorkerDeadLetterQueue", "Arn"]}


def test_failures_of_delivery_are_kept() -> None:
    """EventBridge tries for 24 hours; its rules, the topic and the queue have a dead letter."""
    dead = {"Fn::GetAtt": ["DeliveryDeadLetterQueue", "Arn"]}
    for parameters in _variants():
        rendered = Rendered(parameters)
        for rule in rendered.of_type("AWS::Events::Rule").values():
            (target,) = rule["Targets"]
            assert target["DeadLetterConfig"] == {"Arn": dead}
            retry = target["RetryPolicy"]
            assert retry == {"MaximumRetryAttempts": "185", "MaximumEventAgeInSeconds": "86400"}
        for each in rendered.of_type("AWS::SNS::Subscription").values():
            assert each["RedrivePolicy"] == {"deadLetterTargetArn": dead}
        for name, each in rendered.of_type("AWS::SQS::Queue").items():
            if name == "SlicesQueue":
                assert each["RedrivePolicy"]["deadLetterTargetArn"] == dead
        (policy,) = (
            each["PolicyDocument"]["Statement"]
            for name, each in rendered.of_type("AWS::SQS::QueuePolicy").items()
            if name.startswith("Delivery")
        )
        rules = len(rendered.of_type("AWS::Events::Rule"))
        topics = len(rendered.of_type("AWS::SNS::Topic"))
        allowed = [each for each in policy if each["Effect"] == "Allow"]
        assert len(allowed) == rules + topics
        assert all(each["Condition"]["ArnEquals"]["aws:SourceArn"] for each in allowed)


def test_a_failing_slice_is_tried_for_a_day() -> None:
    """The queue hides a message for six times the time limit, and allows as many tries as fit."""
    least, most = 1, 1000  # maxReceiveCount
    for timeout in _parameter("WorkerTimeout")["AllowedValues"]:
        rendered = Rendered({"Transport": "sqs", "WorkerTimeout": timeout})
        queue = rendered.of_type("AWS::SQS::Queue")["SlicesQueue"]
        hidden, tries = queue["VisibilityTimeout"], queue["RedrivePolicy"]["maxReceiveCount"]
        assert hidden == 6 * timeout
        assert _DAY <= (tries - 1) * hidden < _DAY + hidden
        assert least <= tries <= most
        assert queue["MessageRetentionPeriod"] > _DAY + hidden
    queues = Rendered().of_type("AWS::SQS::Queue")
    fortnight = {each["MessageRetentionPeriod"] for each in queues.values()}
    assert fortnight == {14 * _DAY}  # counted from the first sending, so dead letters keep longer
    (mapping,) = Rendered({"Transport": "sqs"}).of_type("AWS::Lambda::EventSourceMapping").values()
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": "50"}


@pytest.mark.parametrize(
    ("parameter", "service", "shape"),
    [
        ("DeliveryMaximumRetryAttempts", "events", "MaximumRetryAttempts"),
        ("DeliveryMaximumEventAgeInSeconds", "events", "MaximumEventAgeInSeconds"),
        ("MaximumRetryAttempts", "lambda", "MaximumRetryAttempts"),
        ("MaximumEventAgeInSeconds", "lambda", "MaximumEventAgeInSeconds"),
        ("MaximumConcurrency", "lambda", "MaximumConcurrency"),
        ("ReservedConcurrency", "lambda", "MaximumConcurrency"),
        ("WorkerMemory", "lambda", "MemorySize"),
        ("PlannerMemory", "lambda", "MemorySize"),
    ],
)
def test_parameters_keep_to_the_services_limits(parameter: str, service: str, shape: str) -> None:
    """A parameter allows nothing that the service's own model refuses, nor does its default."""
    told = _parameter(parameter)
    least, most = _limits(service, shape)
    assert told["MinValue"] >= (-1 if parameter == "ReservedConcurrency" else least)
    assert most is None or told["MaxValue"] <= most
    assert told["MinValue"] <= told["Default"] <= told["MaxValue"]
    if shape == "MemorySize":  # the model tells of managed instances, which have more
        assert told["MaxValue"] <= 10_240


def test_code_keeps_to_the_services_limits() -> None:
    """Requests hold ten entries; the longest time limit is Lambda's."""
    assert _limits("events", "PutEventsRequestEntryList")[1] == MOST_ENTRIES
    assert max(_parameter("WorkerTimeout")["AllowedValues"]) <= 900
    assert _parameter("SnippetSize")["Default"] == 0


def test_roles_name_what_they_may_touch() -> None:
    """No action and no resource is a wildcard, save a few that are named here."""
    for parameters in _variants():
        for policy, statement in _statements(Rendered(parameters)):
            where = f"{policy}.{statement['Sid']}"
            for action in _listed(statement["Action"]):
                assert "*" not in action, where
            for resource in _listed(statement["Resource"]):
                text = json.dumps(resource)
                if statement["Sid"] == "JoinNetwork":  # these actions know no resources
                    assert resource == "*"
                    assert all(each.startswith("ec2:") for each in statement["Action"])
                elif "*" in text:  # objects of one bucket: videos, or what lies below the prefix
                    assert set(_listed(statement["Action"])) <= {
                        "s3:GetObject",
                        "s3:PutObject",
                        "s3:DeleteObject",
                    }, where
                    assert re.fullmatch(
                        r'\{"Fn::Sub": "\$\{(SourceBucket\.Arn\}|GifsBucket\.Arn\}/previews)'
                        r'/\*(/\.scrubjay/\*)?"\}',
                        text,
                    ), where


def test_roles_do_no_more_than_their_work() -> None:
    """Nobody writes videos; the planner uses its one transport; the worker's bus is one."""
    sends = {"events:PutEvents", "sns:Publish", "sqs:SendMessage", "lambda:InvokeFunction"}
    for transport, action in zip(
        ("eventbridge", "sns", "sqs", "lambda"),
        ("events:PutEvents", "sns:Publish", "sqs:SendMessage", "lambda:InvokeFunction"),
        strict=True,
    ):
        rendered = Rendered({"Transport": transport})
        for policy, statement in _statements(rendered):
            actions = set(_listed(statement["Action"]))
            if "SourceBucket" in json.dumps(statement["Resource"]):
                assert actions <= {"s3:GetObject", "s3:ListBucket"}
            if statement["Sid"] == "HandOutSlices":
                assert policy == "PlannerPolicy"
                assert actions == {action}
            elif statement["Sid"] == "KeepFailures":
                assert statement["Resource"] == {"Fn::GetAtt": ["WorkerDeadLetterQueue", "Arn"]}
            elif statement["Sid"] == "SayPreviewsReady":
                assert policy == "WorkerPolicy"
                assert statement["Resource"] == {"Fn::GetAtt": ["Bus", "Arn"]}
            else:
                assert not actions & sends


def test_functions_put_only_their_own_events() -> None:
    """The planner may put orders on the bus, and the worker that a set is ready; nothing else."""
    expected = {"PlannerPolicy": {SLICE, FINISH}, "WorkerPolicy": {READY}}
    for parameters in _variants():
        found: dict[str, set[str]] = {}
        for name, statement in _statements(Rendered(parameters)):
            if "events:PutEvents" in _listed(statement["Action"]):
                condition = statement["Condition"]["StringEquals"]
                assert condition["events:source"] == SOURCE
                found.setdefault(name, set()).update(_listed(condition["events:detail-type"]))
        assert {name: expected[name] for name in found} == found
        assert "WorkerPolicy" in found
        assert ("PlannerPolicy" in found) == (parameters["Transport"] == "eventbridge")


def test_only_the_source_bucket_calls_the_planner() -> None:
    """S3 may call the planner for a bucket of this account and of that name, not for any."""
    for named in ("", "my-films"):
        rendered = Rendered({"SourceBucketName": named})
        permission = rendered.of_type("AWS::Lambda::Permission")["SourceCallsPlanner"]
        assert permission["SourceAccount"]
        arn = json.dumps(permission["SourceArn"])
        assert ("${SourceBucketName}" in arn or "my-films" in arn) == bool(named)
        assert ("*-sourcebucket-*" in arn) != bool(named)


def test_roles_hold_from_the_first_what_lambda_asks_for() -> None:
    """Lambda refuses a function, or where its failures go, if its role has no right to that yet.

    The other policies name the buckets, which come after the functions.
    """
    for role in Rendered(_EFS).of_type("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role
        (policy,) = role["Policies"]
        held = {each["Sid"] for each in policy["PolicyDocument"]["Statement"]}
        assert held == {"KeepFailures", "MountFileSystem", "JoinNetwork"}
        assert "Bucket" not in json.dumps(policy)


def test_buckets_are_private_and_outlive_the_stack() -> None:
    """Encrypted, without ACLs, closed to the public, by HTTPS only, and kept."""
    rendered = Rendered()
    buckets = rendered.of_type("AWS::S3::Bucket")
    assert buckets.keys() == {"SourceBucket", "GifsBucket"}
    for name, bucket in buckets.items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["BucketEncryption"]
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        assert rendered.resources[name]["DeletionPolicy"] == "Retain"
        assert rendered.resources[name]["UpdateReplacePolicy"] == "Retain"
    for policy in rendered.of_type("AWS::S3::BucketPolicy").values():
        (only,) = policy["PolicyDocument"]["Statement"]
        assert (only["Effect"], only["Principal"], only["Action"]) == ("Deny", "*", "s3:*")
        assert only["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert len(only["Resource"]) == 2


def test_queues_are_encrypted_and_take_nothing_by_plain_http() -> None:
    """Every queue has a policy that refuses whatever does not come by HTTPS."""
    rendered = Rendered({"Transport": "sqs"})
    queues = rendered.of_type("AWS::SQS::Queue")
    assert all(each["SqsManagedSseEnabled"] for each in queues.values())
    policies = rendered.of_type("AWS::SQS::QueuePolicy").values()
    assert {each["Queues"][0]["Ref"] for each in policies} == queues.keys()
    for each in policies:
        first = each["PolicyDocument"]["Statement"][0]
        assert (first["Effect"], first["Action"]) == ("Deny", "sqs:*")
        assert first["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_topic_takes_nothing_by_plain_http() -> None:
    """The slices' topic refuses whatever is not published by HTTPS."""
    rendered = Rendered({"Transport": "sns"})
    (policy,) = rendered.of_type("AWS::SNS::TopicPolicy").values()
    assert policy["Topics"] == [{"Ref": "SlicesTopic"}]
    (only,) = policy["PolicyDocument"]["Statement"]
    assert (only["Effect"], only["Principal"], only["Action"]) == ("Deny", "*", "sns:Publish")
    assert only["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_shared_bus_keeps_stacks_apart() -> None:
    """A rule takes slices of its own stack's videos, and those of events that name no bucket."""
    rule = Rendered({"EventBusName": "default"}).of_type("AWS::Events::Rule")["SliceRule"]
    pattern = rule["EventPattern"]
    assert (pattern["source"], pattern["detail-type"]) == ([SOURCE], [SLICE, FINISH])
    assert pattern["$or"] == [
        {"detail": {"bucket": [{"Ref": "SourceBucket"}]}},
        {"detail": {"bucket": [{"exists": False}]}},
    ]


def test_a_file_system_needs_all_that_it_is_reached_by() -> None:
    """`OutputMode` EFS is refused without access point, subnets or security groups."""
    asserted = json.dumps(templates()["raw"]["Rules"]["FileSystem"]["Assertions"])
    assert set(re.findall(r'"Ref": "(\w+)"', asserted)) == _EFS.keys() - {"OutputMode"}


def test_players_may_be_let_in_through_one_distribution() -> None:
    """With a distribution's ARN, CloudFront may read below the prefix, on its behalf alone.

    It may not read a set's state, which says where the video lies.
    """
    arn = "arn:aws:cloudfront::123456789012:distribution/EDFDVBD6EXAMPLE"
    policies = Rendered({"CloudFrontDistributionArn": arn}).of_type("AWS::S3::BucketPolicy")
    _, allowed, denied = policies["GifsBucketPolicy"]["PolicyDocument"]["Statement"]
    assert allowed["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert allowed["Action"] == "s3:GetObject"
    assert allowed["Resource"] == {"Fn::Sub": "${GifsBucket.Arn}/previews/*"}
    assert allowed["Condition"] == {"StringEquals": {"AWS:SourceArn": arn}}
    assert denied["Effect"] == "Deny"
    assert denied["Principal"] == allowed["Principal"]
    assert denied["Action"] == allowed["Action"]
    assert denied["Resource"] == {"Fn::Sub": "${GifsBucket.Arn}/*/.scrubjay/*"}
    assert "Condition" not in denied


_NOT_FROZEN = {"Code", "FunctionName", "ReservedConcurrentExecutions", "Tags"}
"""Of a function's properties: its code makes a new version by itself, the others are the function's
and not its versions'."""

_NAMING = ("BucketName", "LogGroupName", "Name", "QueueName", "RoleName", "TopicName")
"""Properties that decide what a reference to a resource becomes."""


def _frozen(rendered: Rendered, function: str) -> str:
    """All that a version of a function freezes, with the names of the resources it refers to."""
    properties = rendered.of_type("AWS::Lambda::Function")[function]
    text = json.dumps({k: v for k, v in properties.items() if k not in _NOT_FROZEN})
    found = set(re.findall(r'"Ref": "(\w+)"', text))
    found |= set(re.findall(r'"Fn::GetAtt": \["(\w+)"', text))
    found |= {name.split(".")[0] for name in re.findall(r"\$\{(\w[\w.]*)\}", text)}
    names = {
        resource: {k: v for k, v in told.items() if k in _NAMING}
        for resource in sorted(found & rendered.resources.keys())
        if (told := rendered.resources[resource].get("Properties", {}))
    }
    return text + json.dumps(names)


def _described(rendered: Rendered, function: str) -> str:
    """What a version of a function is described as: a text, with separators."""
    versions = rendered.of_type("AWS::Lambda::Version").values()
    (found,) = (each for each in versions if each["FunctionName"] == {"Ref": function})
    return _text(found["Description"])


def _text(value: Any) -> str:  # noqa: ANN401  any JSON
    match value:
        case {"Fn::Join": [separator, [*parts]]}:
            return str(separator).join(_text(part) for part in parts)
        case {"Fn::Join": [_, text]} | {"Fn::Sub": text}:  # a list of texts is still one here
            return str(text)
        case _:
            return str(value)


def _other(parameter: str) -> str:
    """A value of a parameter that is not its default."""
    told = _parameter(parameter)
    allowed = [each for each in told.get("AllowedValues", []) if each != told["Default"]]
    least = max(1, told.get("MinValue", 1))
    return str(allowed[0] if allowed else least + 1 if told["Type"] == "Number" else "other")


@pytest.mark.parametrize("function", ["PlannerFunction", "WorkerFunction"])
def test_a_changed_parameter_makes_a_new_version(function: str) -> None:
    """A version's description changes with what the version freezes, and with nothing else.

    SAM makes a new version when the template changes, but not when a parameter does (its issue
    3820); CloudFormation does when the description changes, and fails if nothing else has.
    """
    changed = 0
    for base in _variants():
        before = Rendered(base)
        for name in templates()["raw"]["Parameters"]:
            if name in base and name not in {"Transport", "SourceEvents", *_EFS}:
                continue
            after = Rendered({**base, name: _other(name)})
            is_new = _frozen(before, function) != _frozen(after, function)
            assert is_new == (_described(before, function) != _described(after, function)), name
            changed += is_new
    assert changed > 50


def test_descriptions_of_versions_are_not_too_long() -> None:
    """With every text as long as may be, 256 characters do; a file system's lists have no end."""
    longest = {name: _longest(name) for name in templates()["raw"]["Parameters"]}
    del longest["SubnetIds"], longest["SecurityGroupIds"]
    for transport in TRANSPORTS:
        rendered = Rendered({**longest, "Transport": transport, "OutputMode": "S3"})
        for function in ("PlannerFunction", "WorkerFunction"):
            assert len(_described(rendered, function)) <= 256


def _longest(parameter: str) -> str:
    told = _parameter(parameter)
    if told["Type"] == "Number":
        return str(told.get("MaxValue", max(told.get("AllowedValues", [0]))))
    texts: list[str] = ["x" * told.get("MaxLength", 1), *told.get("AllowedValues", [])]
    return max(texts, key=len)


def test_workers_have_a_ceiling_and_are_kept_warm_only_if_asked() -> None:
    """As many as 50 run at once, unless another ceiling or none is asked for."""
    worker = Rendered().of_type("AWS::Lambda::Function")["WorkerFunction"]
    assert worker["ReservedConcurrentExecutions"] == "50"
    assert worker["Architectures"] == ["arm64"]
    worker = Rendered({"ReservedConcurrency": -1}).of_type("AWS::Lambda::Function")[
        "WorkerFunction"
    ]
    assert "ReservedConcurrentExecutions" not in worker
    asked = Rendered({"ReservedConcurrency": 5, "ProvisionedConcurrency": 2})
    worker = asked.of_type("AWS::Lambda::Function")["WorkerFunction"]
    assert worker["ReservedConcurrentExecutions"] == "5"
    alias = asked.of_type("AWS::Lambda::Alias")["WorkerFunctionAliaslive"]
    assert alias["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": "2"}


def test_what_goes_wrong_raises_an_alarm() -> None:
    """Dead letters of both kinds, errors, throttles, and a slice that waits; mailed if asked."""
    alarms = Rendered({"AlarmEmail": "a@example.com"}).of_type("AWS::CloudWatch::Alarm")
    watched = sorted(each["MetricName"] for each in alarms.values())
    dead = "ApproximateNumberOfMessagesVisible"
    assert watched == [dead, dead, "AsyncEventAge", "Errors", "Throttles"]
    assert all(each["AlarmActions"] == [{"Ref": "AlarmTopic"}] for each in alarms.values())
    queue = Rendered({"Transport": "sqs"}).of_type("AWS::CloudWatch::Alarm")["OldestSliceAlarm"]
    assert queue["MetricName"] == "ApproximateAgeOfOldestMessage"
    assert "AlarmActions" not in queue


def test_outputs_are_those_that_the_command_reads() -> None:
    """`scrubjay aws` finds everything by the stack's outputs."""
    assert Rendered().outputs.keys() == {
        "SourceBucketName",
        "OutputLocation",
        "WorkerFunctionArn",
        "PlannerFunctionArn",
        "Transport",
        "TransportTarget",
        "EventBusName",
        "DeliveryDeadLetterQueueUrl",
        "WorkerDeadLetterQueueUrl",
    }


def test_reference_names_are_kept() -> None:
    """A parameter that the reference design has is called as it is there."""
    known = {"SourceBucketName", "GifsBucketName", "GenerateFrames", "SnippetSize"}
    assert known <= templates()["raw"]["Parameters"].keys()


def test_docs_name_every_parameter() -> None:
    """The page on the serverless system has a line for each parameter."""
    page = (ROOT / "docs" / "aws" / "deploy.md").read_text()
    missing = [name for name in templates()["raw"]["Parameters"] if f"`{name}`" not in page]
    assert missing == []
