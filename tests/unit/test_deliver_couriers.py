"""Which way to a person comes after which: what a courier must know before it gives a danger up early."""

from __future__ import annotations

import pytest

from gateway.deliver.couriers import has_next_way
from rules.site import Channel, Person, Site
from rules.text import Text
from tests.deliver_world import notify

PUSH, SMS = Channel("phone", "wang-topic"), Channel("sms", "13800000001", order=1)


def site(*channels: Channel, person: str = "wang") -> dict[str, Site]:
    people = (Person(id=person, name="王", role="carer", channels=channels),)
    return {"h1": Site(id="h1", name=Text("一号院", "Home 1"), people=people)}


@pytest.mark.parametrize(
    ("sites", "expected"),
    [
        pytest.param(site(PUSH, SMS), True, id="later_channel"),
        pytest.param(site(PUSH), False, id="only_one"),
        pytest.param(site(PUSH, Channel("sms", "1")), False, id="told_at_once_on_both"),
        pytest.param(site(PUSH, Channel("sms", "1", order=1, consent=False)), False, id="later_without_consent"),
        pytest.param(site(Channel("phone", "wang-topic", order=2), SMS), False, id="last_in_order"),
        pytest.param(site(Channel("phone", "other"), SMS), False, id="address_was_changed"),
        pytest.param(site(PUSH, SMS, person="li"), False, id="person_unknown"),
        pytest.param({}, False, id="home_unknown"),
    ],
)
def test_next_way_is_a_channel_of_larger_order_that_may_be_used(sites: dict[str, Site], expected: bool) -> None:
    assert has_next_way(sites, notify("m1")) is expected
