"""Only a message from a holder of a secret, unchanged and from just now, passes."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.datastructures import Headers

from domain.signatures import (
    HookSecrets,
    SignatureRefused,
    generate_secret,
    sign,
    signatures,
    verify,
)

NOW = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
OLD, NEW, STRANGER = ("whsec_" + base64.b64encode(key * 32).decode() for key in (b"o", b"n", b"s"))
SECRETS = HookSecrets.parse(f"{NEW},{OLD}")
BODY = b'{"type": "job.assigned"}'


def message(
    message_id: str = "msg_1", sent: datetime = NOW, body: bytes = BODY, secret: str = NEW
) -> dict[str, str]:
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent.timestamp())),
        "webhook-signature": sign(secret, message_id, sent, body),
    }


def refusal(headers: dict[str, str], body: bytes = BODY, now: datetime = NOW) -> str:
    with pytest.raises(SignatureRefused) as refused:
        verify(SECRETS, headers, body, now)
    return refused.value.reason


@pytest.mark.parametrize("secret", [NEW, OLD], ids=["new", "old"])
def test_each_secret_in_force_opens(secret: str) -> None:
    assert verify(SECRETS, message(secret=secret), BODY, NOW) == "msg_1"


def test_the_published_example_verifies() -> None:
    """A fixed vector, so that a mistake made alike in `sign` and `verify` is seen."""
    secret = "whsec_" + base64.b64encode(b"steward-steward-steward!").decode()
    headers = {
        "webhook-id": "msg_fixed",
        "webhook-timestamp": "1795269900",
        "webhook-signature": "v1,JuEDowwXOYqyViI1hDudpOZ0zwtV9yMf0++KMBhZHms=",
    }
    sent = datetime.fromtimestamp(1795269900, UTC)
    assert verify(HookSecrets.parse(secret), headers, b'{"a": 1}', sent) == "msg_fixed"


def test_header_names_count_in_any_case() -> None:
    headers = message()
    assert verify(SECRETS, Headers(headers), BODY, NOW) == "msg_1"
    assert verify(SECRETS, {k.title(): v for k, v in headers.items()}, BODY, NOW) == "msg_1"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_good_signature_among_several_is_enough(place: int) -> None:
    headers = message()
    several = ["v1a,c2lnbmVk", "v1,AAAA"]
    several.insert(place, headers["webhook-signature"])
    headers["webhook-signature"] = " ".join(several)
    assert verify(SECRETS, headers, BODY, NOW) == "msg_1"


@pytest.mark.parametrize("secret", [NEW, OLD], ids=["new", "old"])
def test_a_message_that_each_secret_signs_opens_with_any(secret: str) -> None:
    headers = message() | {"webhook-signature": signatures(SECRETS, "msg_1", NOW, BODY)}
    assert verify(HookSecrets.parse(secret), headers, BODY, NOW) == "msg_1"
    with pytest.raises(SignatureRefused):
        verify(HookSecrets.parse(STRANGER), headers, BODY, NOW)


@pytest.mark.parametrize("version", ["v1a", "v2", "V1", ""])
def test_a_good_signature_under_another_version_does_not_count(version: str) -> None:
    headers = message()
    headers["webhook-signature"] = headers["webhook-signature"].replace("v1", version)
    assert refusal(headers) == "no signature matches"


@pytest.mark.parametrize("signature", ["", ",", "v1,", "v1", "v1,é", "v1,\ud800", "v1,\x00", "  "])
def test_what_is_no_signature_does_not_match(signature: str) -> None:
    assert refusal(message() | {"webhook-signature": signature}) == "no signature matches"


@pytest.mark.parametrize("seconds", [-300, 300])
def test_five_minutes_off_still_counts(seconds: int) -> None:
    headers = message(sent=NOW + timedelta(seconds=seconds))
    assert verify(SECRETS, headers, BODY, NOW) == "msg_1"


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_second_more_is_stale(seconds: int) -> None:
    assert "five minutes" in refusal(message(sent=NOW + timedelta(seconds=seconds)))


def test_a_microsecond_over_five_minutes_is_stale() -> None:
    late = NOW + timedelta(minutes=5, microseconds=1)
    assert "five minutes" in refusal(message(), now=late)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named(name: str) -> None:
    headers = message()
    del headers[name]
    assert refusal(headers) == f"the header {name} is missing"


@pytest.mark.parametrize(
    "timestamp",
    [
        *("", "soon", "-1795269900", "+1795269900", "1795269900.0", "1_795_269_900"),
        *("01795269900", "1795269900 ", "1e9", "nan", "1\u0667\u0669", "9" * 13, "0"),
    ],
)
def test_only_plain_unix_seconds_are_a_timestamp(timestamp: str) -> None:
    assert "Unix seconds" in refusal(message() | {"webhook-timestamp": timestamp})


def test_a_timestamp_of_the_far_future_is_stale() -> None:
    assert "five minutes" in refusal(message() | {"webhook-timestamp": "9" * 12})


@pytest.mark.parametrize(
    ("message_id", "reason"),
    [
        ("", "empty"),
        ("m" * 257, "longer than 256"),
        ("müller", "printable ASCII"),
        ("tab\there", "printable ASCII"),
        ("evt.1", "full stop"),
    ],
)
def test_an_unfit_id_is_refused_though_well_signed(message_id: str, reason: str) -> None:
    assert reason in refusal(message(message_id))


def test_an_id_of_256_characters_is_fit() -> None:
    assert verify(SECRETS, message("m" * 256), BODY, NOW) == "m" * 256


def test_every_signed_part_is_covered() -> None:
    genuine = message()
    later = str(int(NOW.timestamp()) + 1)
    assert refusal(genuine, body=BODY + b" ") == "no signature matches"
    assert refusal(genuine | {"webhook-id": "msg_2"}) == "no signature matches"
    assert refusal(genuine | {"webhook-timestamp": later}) == "no signature matches"
    assert refusal(message(secret=STRANGER)) == "no signature matches"


def test_a_signature_is_bound_to_one_split_into_id_time_and_body() -> None:
    seconds = str(int(NOW.timestamp()))
    dotted = f"msg.{seconds}"
    headers = message(dotted)
    moved = headers | {"webhook-id": "msg"}
    assert verify(SECRETS, moved, f"{seconds}.".encode() + BODY, NOW) == "msg"
    assert "full stop" in refusal(headers)


@pytest.mark.parametrize("size", [24, 64])
def test_secrets_of_24_to_64_bytes_are_taken(size: int) -> None:
    secret = "whsec_" + base64.b64encode(bytes(size)).decode()
    assert HookSecrets.parse(secret) == HookSecrets((bytes(size),))
    assert HookSecrets.parse(secret.rstrip("=")) == HookSecrets((bytes(size),))


def test_spaces_around_the_commas_do_not_matter() -> None:
    assert HookSecrets.parse(f" {NEW} , {OLD}\n") == SECRETS


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "hook secret 1 does not start with whsec_"),
        (f"{NEW},", "hook secret 2 does not start with whsec_"),
        ("c2VjcmV0c2VjcmV0", "hook secret 1 does not start with whsec_"),
        ("whsec_c2VjcmV0!c2Vj", "hook secret 1 is not base64 after whsec_"),
        ("whsec_geheimnis-größe", "hook secret 1 is not base64 after whsec_"),
        (f"{NEW},whsec_", "hook secret 2 has 0 bytes, must have 24 to 64"),
        ("whsec_" + base64.b64encode(b"s" * 23).decode(), "hook secret 1 has 23 bytes"),
        ("whsec_" + base64.b64encode(b"s" * 65).decode(), "hook secret 1 has 65 bytes"),
    ],
)
def test_a_malformed_secret_is_named_by_its_place(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        HookSecrets.parse(text)


@given(st.text(st.characters(exclude_characters=",")))
def test_a_complaint_never_quotes_the_secret(noise: str) -> None:
    with pytest.raises(ValueError, match="hook secret 1") as refused:
        HookSecrets.parse(f"whsec_~{noise}")
    assert str(refused.value) == "hook secret 1 is not base64 after whsec_"
    assert refused.value.__suppress_context__, "the cause may quote it"


def test_secrets_do_not_show_in_logs() -> None:
    assert repr(SECRETS) == "HookSecrets()"


def test_generated_secrets_are_fit_and_differ() -> None:
    first, second = generate_secret(), generate_secret()
    assert first != second
    assert len(HookSecrets.parse(first).keys[0]) == 32


def test_the_first_of_several_secrets_signs() -> None:
    assert sign(f"{NEW},{OLD}", "msg_1", NOW, BODY) == sign(NEW, "msg_1", NOW, BODY)


def test_signing_wants_a_time_zone() -> None:
    with pytest.raises(TypeError):
        sign(NEW, "msg_1", NOW.replace(tzinfo=None), BODY)


ANY_TEXT = st.text(st.characters())  # lone surrogates too
IDS = st.just("msg_1") | ANY_TEXT
TIMESTAMPS = st.just(str(int(NOW.timestamp()))) | st.integers().map(str) | ANY_TEXT
SIGNATURES = st.lists(ANY_TEXT | ANY_TEXT.map("v1,".__add__)).map(" ".join) | ANY_TEXT
STRANGE_HEADERS = st.fixed_dictionaries(
    {},
    optional={"webhook-id": IDS, "webhook-timestamp": TIMESTAMPS, "webhook-signature": SIGNATURES},
)


@given(STRANGE_HEADERS, st.dictionaries(ANY_TEXT, ANY_TEXT), st.binary())
def test_whatever_a_stranger_sends_is_refused_and_nothing_else(
    headers: dict[str, str], others: dict[str, str], body: bytes
) -> None:
    refusal(others | headers, body)


@given(st.lists(st.tuples(st.binary(), st.binary())), st.binary())
def test_raw_bytes_of_a_request_are_refused_and_nothing_else(
    raw: list[tuple[bytes, bytes]], body: bytes
) -> None:
    with pytest.raises(SignatureRefused):
        verify(SECRETS, Headers(raw=raw), body, NOW)


def accepts(headers: dict[str, str], body: bytes, now: datetime, *secrets: str) -> bool:
    try:
        verify(HookSecrets.parse(",".join(secrets)), headers, body, now)
    except SignatureRefused:
        return False
    return True


def reference_accepts(headers: dict[str, str], body: bytes, *secrets: str) -> bool:
    """Ask the reference, which knows one secret at a time and no clock but the wall's."""

    def one(secret: str) -> bool:
        try:
            Webhook(secret).verify(body, headers, json_parse=False)
        except WebhookVerificationError:
            return False
        return True

    return any(map(one, secrets))


VISIBLE = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=".")
FIT_IDS = st.text(VISIBLE, min_size=1, max_size=255)
BODIES = st.text().map(str.encode)  # the reference reads bodies as text


@given(
    message_id=FIT_IDS,
    body=BODIES,
    signer=st.sampled_from([NEW, OLD, STRANGER]),
    tamper=st.sampled_from(["nothing", "body", "webhook-id", "stale", "premature", "signature"]),
    noise=st.lists(st.sampled_from(["v1a,c2lnbmVk", "v2,AAAA", sign(STRANGER, "x", NOW, b"")])),
)
def test_accepts_and_refuses_as_the_reference_package(
    message_id: str, body: bytes, signer: str, tamper: str, noise: list[str]
) -> None:
    now = datetime.now(UTC)
    skew = {"stale": -1, "premature": 1}.get(tamper, 0)
    headers = message(message_id, now + timedelta(hours=skew), body, signer)
    headers["webhook-signature"] = " ".join([*noise, headers["webhook-signature"]])
    if tamper == "body":
        body += b"!"
    elif tamper == "webhook-id":
        headers["webhook-id"] += "!"
    elif tamper == "signature":
        headers["webhook-signature"] = " ".join(noise)
    expected = tamper == "nothing" and signer != STRANGER
    assert reference_accepts(headers, body, NEW, OLD) is expected
    assert accepts(headers, body, now, NEW, OLD) is expected


@given(message_id=FIT_IDS, body=BODIES)
def test_signs_as_the_reference_package(message_id: str, body: bytes) -> None:
    assert sign(NEW, message_id, NOW, body) == Webhook(NEW).sign(message_id, NOW, body.decode())


@pytest.mark.parametrize("garbage", ["garbage", "v1", "v1,AAA", "v1,a,b"])
def test_garbage_that_trips_the_reference_is_refused(garbage: str) -> None:
    now = datetime.now(UTC)
    headers = message(sent=now) | {"webhook-signature": garbage}
    with pytest.raises(ValueError, match=r"unpack|padding"):
        Webhook(NEW).verify(BODY, headers)
    assert not accepts(headers, BODY, now, NEW)


def test_what_the_reference_lets_pass_and_we_do_not() -> None:
    now = datetime.now(UTC)
    dotted = message("evt.1", now)
    fraction = message(sent=now)
    fraction["webhook-timestamp"] += ".5"
    littered = message(sent=now)
    littered["webhook-signature"] = littered["webhook-signature"].replace("v1,", "v1,!")
    for headers in (dotted, fraction, littered):
        assert reference_accepts(headers, BODY, NEW)
        assert not accepts(headers, BODY, now, NEW)


def test_a_secret_too_short_to_be_one_signs_only_for_the_reference() -> None:
    short = "whsec_" + base64.b64encode(b"s").decode()
    assert Webhook(short).sign("msg_1", NOW, "").startswith("v1,")
    with pytest.raises(ValueError, match="has 1 bytes"):
        sign(short, "msg_1", NOW, b"")
