"""A deployed stack, as its outputs describe it."""

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from scrubjay.aws.clients import aws_errors, client
from scrubjay.aws.events import VERSIONS_QUESTION
from scrubjay.aws.orders import OrderTransport, Sender, is_below, set_place
from scrubjay.aws.transports import open_sender
from scrubjay.errors import StackError, TransportError
from scrubjay.places.place import Place

__all__ = ["Outputs", "Stack"]

_Text = Annotated[str, Meta(min_length=1)]


class Outputs(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The outputs of deploy/aws/template.yaml."""

    source_bucket_name: _Text
    output_location: _Text
    planner_function_arn: _Text
    worker_function_arn: _Text
    transport: _Text
    transport_target: _Text
    event_bus_name: _Text
    delivery_dead_letter_queue_url: _Text
    worker_dead_letter_queue_url: _Text


class Stack:
    """A deployed stack, which is queried on first use.

    Args:
        name: of the stack, in the account and region that boto3 finds.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def outputs(self) -> Outputs:
        """The stack's outputs.

        Raises:
            StackError: the stack does not exist, is not one of Scrubjay's, or we may not read it.
            TransportError: it could not be read for a temporary reason.
        """
        with aws_errors(f"the stack {self.name}"):
            answer = client("cloudformation").describe_stacks(StackName=self.name)
        found: list[dict[str, Any]] = answer["Stacks"][0].get("Outputs", [])
        tree = {each["OutputKey"]: each["OutputValue"] for each in found}
        try:
            return msgspec.convert(tree, Outputs)
        except msgspec.ValidationError as exc:
            raise StackError(
                f"the stack {self.name} was not deployed from this version of "
                f"deploy/aws/template.yaml: {exc}"
            ) from None

    @cached_property
    def sender(self) -> Sender:
        """Sends events to the stack's workers."""
        return open_sender(self.outputs.transport, self.outputs.transport_target)

    @property
    def transport(self) -> OrderTransport:
        """Sends orders to the stack's workers."""
        return OrderTransport(self.sender, self.output)

    @property
    def output(self) -> Place:
        """Where the stack keeps its sets.

        Raises:
            StackError: they are in a file system that only the functions can reach.
        """
        place = Place.of(self.outputs.output_location)
        if place.is_local:
            raise StackError(
                f"the stack {self.name} keeps its sets in a file system ({place.address}) that "
                "cannot be reached from here"
            )
        return place

    @property
    def dead_letters(self) -> dict[str, str]:
        """The URLs of the dead-letter queues, by what they contain."""
        return {
            "not delivered": self.outputs.delivery_dead_letter_queue_url,
            "failed": self.outputs.worker_dead_letter_queue_url,
        }

    def set_at(self, text: str) -> Place:
        """Return the place of a set.

        Args:
            text: the set's address, or the key of its video.

        Raises:
            StackError: the stack does not write there.
        """
        if "://" not in text:
            return set_place(self.output, text)
        place = Place.of(text)
        if not is_below(place, self.output):
            raise StackError(
                f"{place.shown} is not a set of the stack {self.name}, whose workers write below "
                f"{self.output.shown}"
            )
        return Place(address=place.address.rstrip("/"), endpoint=place.endpoint)

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """The versions of the workers' libraries, for plans that are made elsewhere.

        Raises:
            TransportError: the worker could not be called, or did not answer with its versions.
            StackError: the call is not allowed.
        """
        with aws_errors("the worker"):
            answer = client("lambda").invoke(
                FunctionName=self.outputs.worker_function_arn,
                Payload=json.dumps(VERSIONS_QUESTION).encode(),
            )
            text = answer["Payload"].read()
        try:
            return msgspec.json.decode(text, type=dict[str, str])
        except msgspec.DecodeError:
            raise TransportError(
                f"the workers of the stack {self.name} did not return the versions of their "
                "libraries; deploy this version of Scrubjay, or read the workers' log"
            ) from None

    def plan_again(self, payload: bytes) -> None:
        """Call the planner with an event, without waiting for the result.

        Raises:
            TransportError: the planner could not be reached.
            StackError: the call is not allowed.
        """
        arn = self.outputs.planner_function_arn
        with aws_errors("the planner"):
            answer = client("lambda").invoke(
                FunctionName=arn, InvocationType="Event", Payload=payload
            )
        if answer["StatusCode"] >= 300:  # noqa: PLR2004  HTTP
            raise TransportError(f"calling the planner failed: status {answer['StatusCode']}")
